package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.TinyGguf;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who wins among formats when scores and speeds are given: by a server that says how fast it was, each time it is started. */
class ContestIT {
    @TempDir
    Path directory;

    private final Map<String, Deque<Double>> rates = new java.util.HashMap<>();
    private final Map<String, String> answers = new java.util.HashMap<>();
    private final List<String> asked = new ArrayList<>();
    private HttpServer server;
    private volatile String format;
    private volatile double rate;
    private Ledger ledger;
    private Settings settings;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/v1/chat/completions", exchange -> {
            byte[] body = ("data: {\"model\":\"majora\",\"choices\":[{\"delta\":{\"content\":\"" + answers.getOrDefault(format, "right") + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"completion_tokens\":5},"
                    + "\"timings\":{\"predicted_per_second\":" + rate + "}}\n\ndata: [DONE]\n\n").getBytes(StandardCharsets.UTF_8);
            exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        StringBuilder set = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            set.append("{\"id\":\"p").append(i).append("\",\"prompt\":\"Question ").append(i).append("?\",\"contains\":\"right\"}\n");
        }
        Files.writeString(Files.createDirectories(directory.resolve("sets")).resolve("plain.jsonl"), set);
        Path file = Files.writeString(directory.resolve("ferry.yaml"), """
                home: %s
                models:
                  majora: {publisher: acme, formats: [Q4_K_M, Q5_K_M, Q8_0]}
                evaluate: {path: %s, warm-up: 0}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                """.formatted(directory.resolve("home"), directory.resolve("sets"), Files.createDirectories(directory.resolve("models"))));
        settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        ledger = Ledger.open("jdbc:sqlite:" + directory.resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
        List<Candidate.Item> items = new ArrayList<>();
        for (String one : List.of("Q4_K_M", "Q5_K_M", "Q8_0")) {
            Path gguf = TinyGguf.write(directory.resolve("made/majora-" + one + ".gguf"), 1);
            items.add(Candidate.Item.of(gguf, one, Sha256.of(gguf)));
        }
        new ReleaseDesk(settings, ledger, new JdkHttpCaller(), Progress.NONE, new Cancellation()).deploy(new Candidate("majora", items, Map.of()), "run-1", false, Announcer.NOBODY);
    }

    @AfterEach
    void stop() {
        server.stop(0);
        ledger.close();
    }

    /** Each time a file is served it has the next of its speeds, the last one for ever. */
    private Contest contest(Map<String, List<Double>> speeds) {
        speeds.forEach((name, values) -> rates.put(name, new ArrayDeque<>(values)));
        ModelServers servers = new ModelServers() {
            @Override
            public Serving serve(String holder, Settings by, String model, Facts.Deployed release) {
                throw new IllegalStateException("a contest takes place on the ferry's own server");
            }

            @Override
            public Serving embed(String holder, Settings by, ServedModel model) {
                format = model.file().getFileName().toString().replaceAll("majora-|\\.gguf", "");
                asked.add(format);
                Deque<Double> mine = rates.get(format);
                rate = mine.size() > 1 ? mine.poll() : mine.peek();
                return new Serving(new Endpoint(URI.create("http://127.0.0.1:" + server.getAddress().getPort()), null, Duration.ofSeconds(20)), "majora", true);
            }

            @Override
            public void release(String holder) { }
        };
        return new Contest(new ReleaseEvaluation(settings, new JdkHttpCaller(), servers, Progress.NONE, new Cancellation()), "majora", new ActiveReleases(settings, ledger).get("majora"));
    }

    private static List<Double> always(double rate) {
        return List.of(rate);
    }

    @Test
    void theFasterOfTwoEquallyGoodFormatsWinsWhenItIsFasterTwice() {
        Contest.Result result = contest(Map.of("Q4_K_M", always(20), "Q8_0", always(30))).formats(List.of("Q8_0", "Q4_K_M"), Optional.empty());
        assertThat(asked).as("the one in use first, and once more after the faster one").containsExactly("Q4_K_M", "Q8_0", "Q4_K_M");
        assertThat(result.winner()).isEqualTo(new Contest.Side(1, Optional.of("Q8_0")));
        assertThat(result.inUse()).isFalse();
        assertThat(result.reason()).contains("no difference beyond chance").contains("1.50 times the speed").endsWith("faster");
    }

    @Test
    void aMachineThatWasBusyWithSomethingElseDecidesNothing() {
        Contest.Result result = contest(Map.of("Q4_K_M", List.of(20.0, 31.0), "Q8_0", always(30))).formats(List.of("Q4_K_M", "Q8_0"), Optional.empty());
        assertThat(result.inUse()).isTrue();
        assertThat(result.winner().format()).hasValue("Q4_K_M");
        assertThat(result.report().notes()).singleElement().asString().contains("majora 1 Q4_K_M, asked once more after majora 1 Q8_0, was not slower").contains("It keeps its place");
        assertThat(contest(Map.of("Q4_K_M", always(20), "Q8_0", always(20.9))).formats(List.of("Q4_K_M", "Q8_0"), Optional.empty()).inUse()).as("less than five percent").isTrue();
    }

    @Test
    void theBetterAnswersWinHoweverSlowAndTheBestOfThreeIsFound() {
        answers.put("Q4_K_M", "wrong");
        Contest.Result result = contest(Map.of("Q4_K_M", always(90), "Q5_K_M", always(20), "Q8_0", always(10))).formats(List.of("Q4_K_M", "Q5_K_M", "Q8_0"), Optional.empty());
        assertThat(result.winner().format()).hasValue("Q5_K_M");
        assertThat(result.card().label()).isEqualTo("majora 1 Q5_K_M");
        assertThat(result.reason()).contains("majora 1 Q5_K_M against majora 1 Q4_K_M: score +1.000").contains("majora 1 Q8_0 against majora 1 Q5_K_M: score +0.000").contains("0.50 times the speed");
        assertThat(asked).containsExactly("Q4_K_M", "Q5_K_M", "Q8_0");
        assertThat(result.report().cards()).hasSize(3);
    }

    @Test
    void refusesWhatCannotBeComparedBeforeItAsksAnything() {
        Contest contest = contest(Map.of("Q4_K_M", always(1)));
        assertThatThrownBy(() -> contest.formats(List.of("Q4_K_M", "q4_k_m"), Optional.empty())).isInstanceOf(SettingsException.class);
        assertThatThrownBy(() -> contest.formats(List.of("Q4_K_M", "Q6_K"), Optional.empty())).isInstanceOf(FerryException.class).hasMessageContaining("Q6_K");
        assertThatThrownBy(() -> contest.releases(List.of(1, 7))).isInstanceOf(FerryException.class).hasMessageContaining("7");
        assertThat(asked).isEmpty();
    }
}
