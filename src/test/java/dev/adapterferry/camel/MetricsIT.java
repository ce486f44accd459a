package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.settings.Stage;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Prometheus scrapes from the daemon, and whether the dashboard asks for what there is. */
class MetricsIT {
    private static final Set<String> WORDS = Set.of("sum", "by", "rate", "increase", "max", "result", "interval");
    private static final Pattern NAME = Pattern.compile("[a-z][a-z_]{3,}");

    @TempDir
    Path folder;

    private static String scrape(StubbedDaemon daemon) throws IOException, InterruptedException {
        HttpResponse<String> response = daemon.api().send(daemon.api().to("/observe/metrics"));
        assertThat(response.statusCode()).isEqualTo(200);
        return response.body();
    }

    /** A query and the labels by which it groups. */
    private record Query(String panel, String text) {
        Set<String> metrics() {
            Set<String> names = new TreeSet<>();
            Matcher found = NAME.matcher(text.replaceAll("\\{[^}]*}", "").replaceAll("\\[[^\\]]*]", "").replaceAll("by \\([^)]*\\)", ""));
            while (found.find()) {
                if (!WORDS.contains(found.group())) {
                    names.add(found.group());
                }
            }
            return names;
        }

        List<String> labels() {
            List<String> labels = new ArrayList<>();
            Matcher found = Pattern.compile("by \\(([^)]*)\\)|([a-z]+)=\"").matcher(text);
            while (found.find()) {
                labels.add(found.group(1) == null ? found.group(2) : found.group(1));
            }
            return labels;
        }
    }

    private static List<Query> queries() throws IOException {
        List<Query> queries = new ArrayList<>();
        for (JsonNode panel : new ObjectMapper().readTree(Path.of("src/main/dist/grafana/adapter-ferry.json").toFile()).path("panels")) {
            panel.path("targets").forEach(target -> queries.add(new Query(panel.path("title").asText(), target.path("expr").asText())));
        }
        return queries;
    }

    @Test
    void everyQueryOfTheDashboardFindsItsMetric() throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        String models = "  majora: {formats: [Q8_0]}\n  nayru: {formats: [Q8_0]}\n  veran: {formats: [Q8_0], source: {url: \"file:" + folder.resolve("gone") + "\"}}";
        try (StubbedDaemon daemon = new StubbedDaemon(folder, models, "http: {port: 0}\npipeline: {retries: {delay: 10ms}}\n", Map.of(Stage.DOWNLOAD, run -> {
            if (run.name().equals("nayru") && attempts.getAndIncrement() == 0) {
                throw new TransientFailure("The network is down.");
            }
        }, Stage.MERGE, run -> {
            if (run.name().equals("nayru")) {
                throw new FerryException("The adapter is broken.");
            }
        })) {
            @Override
            String timers() {
                return "vast: {enabled: never, poll: \"* * * * * ?\"}\nhealth: {every: 1s, retries: 0}\n";
            }
        }) {
            Path file = Files.writeString(folder.resolve("m.gguf"), "GGUF");
            daemon.ledger().releases().installed("majora", 1, List.of(new ReleaseEntry.File("Q8_0", file.toString(), 4, "00")), "{}", null, null, null);
            daemon.drop("majora");
            daemon.drop("nayru");
            StubbedDaemon.await("both runs, a probe and a look", () -> {
                try {
                    String text = scrape(daemon);
                    return text.contains("result=\"done\"") && text.contains("ferry_runs_total{camelContext=\"ferry\",result=\"failed\"") && text.contains("ferry_probe_seconds_count")
                            && text.contains("ferry_looks_failed_total") && text.contains("ferry_alerts_total");
                } catch (IOException e) {
                    return false;
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            });
            String text = scrape(daemon);
            List<Query> queries = queries();
            assertThat(queries).hasSizeGreaterThan(15);
            for (Query query : queries) {
                assertThat(query.metrics()).as(query.text()).isNotEmpty();
                for (String metric : query.metrics()) {
                    assertThat(text.lines().filter(line -> line.matches(metric + "[ {].*"))).as("'" + query.panel() + "' asks for " + metric).isNotEmpty()
                            .allSatisfy(line -> assertThat(query.labels()).allSatisfy(label -> assertThat(line).contains(label + "=\"")));
                }
            }
            assertThat(text).containsPattern("ferry_retries_total\\{stage=\"download\"} 1\\.0").containsPattern("ferry_stage_failures_total\\{stage=\"merge\"} 1\\.0")
                    .containsPattern("ferry_data_bytes_total\\{kind=\"pulled\"} 2000\\.0").containsPattern("ferry_data_bytes_total\\{kind=\"written\"} 2000\\.0")
                    .containsPattern("ferry_tensors_total 7\\.0").containsPattern("ferry_letters 1\\.0").containsPattern("ferry_queue 0\\.0");
        }
    }
}
