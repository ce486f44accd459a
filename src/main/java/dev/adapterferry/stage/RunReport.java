package dev.adapterferry.stage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.secret.Redaction;
import dev.adapterferry.settings.Stage;
import java.nio.file.Files;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What became of a run, as JSON for machines: stages, times, sizes, hashes, scores, warnings. Read from the ledger and the run's
 * records, so any process can make it at any time; when a run ends it is written to {@code report.json} and {@code report.md}.
 */
public final class RunReport {
    private static final Logger LOG = LoggerFactory.getLogger(RunReport.class);
    private static final int MOST_EVENTS = 10_000;

    private RunReport() { }

    /** Writes both forms into the run's folder. A report that cannot be written is only logged: the run is what it is. */
    static void write(Ledger ledger, Run run) {
        try {
            ObjectNode report = json(ledger, run);
            Durable.write(run.folder().resolve("report.json"), Redaction.redact(Records.JSON.writeValueAsString(report)) + "\n");
            Durable.write(run.folder().resolve("report.md"), Redaction.redact(ReportPage.markdown(report)));
        } catch (JsonProcessingException | FerryException e) {
            LOG.warn("Cannot write the report of run {}: {}", run.id(), e.getMessage());
        }
    }

    /** The whole report as a page for people. */
    public static String markdown(Ledger ledger, Run run) {
        return ReportPage.markdown(json(ledger, run));
    }

    /** The run's own row: what every list of runs shows. */
    public static ObjectNode row(Run run) {
        ObjectNode node = Records.JSON.createObjectNode().put("id", run.id()).put("model", run.model()).put("state", run.state().text()).put("trigger", run.trigger())
                .put("created", run.created().toString()).put("started", run.started().map(Instant::toString).orElse(null)).put("ended", run.ended().map(Instant::toString).orElse(null));
        if (run.started().isPresent()) {
            node.put("millis", run.duration(Instant.now()).toMillis());
        }
        return node.put("error", run.error().orElse(null));
    }

    /** The whole report. */
    public static ObjectNode json(Ledger ledger, Run run) {
        ObjectNode report = row(run).put("host", run.host()).put("folder", run.folder().toString());
        try {
            report.set("request", Records.JSON.readTree(run.request()));
        } catch (JsonProcessingException e) {
            report.put("request", run.request());
        }
        ArrayNode stages = report.putArray("stages");
        Map<String, String> told = told(ledger.events().of(run.id(), 0, MOST_EVENTS));
        ledger.stages().of(run.id()).forEach(entry -> stages.add(stage(entry, told.get(entry.name()))));
        if (Files.isDirectory(run.folder())) {
            results(report, new Records(run.folder()));
        }
        ledger.letters().find(run.id()).ifPresent(letter -> {
            ObjectNode node = report.putObject("dead-letter").put("stage", letter.stage().orElse(null)).put("attempts", letter.attempts()).put("time", letter.time().toString());
            letter.replayedAs().ifPresent(again -> node.put("replayed-as", again));
        });
        return report;
    }

    /** The last thing told of each stage, without the stage's name. */
    private static Map<String, String> told(List<Event> events) {
        Map<String, String> told = new HashMap<>();
        for (Event event : events) {
            int colon = event.text().indexOf(": ");
            if (event.kind().startsWith("stage-") && colon > 0) {
                told.put(event.text().substring(0, colon), event.text().substring(colon + 2));
            }
        }
        return told;
    }

    private static ObjectNode stage(StageEntry entry, String told) {
        return Records.JSON.createObjectNode().put("stage", entry.name()).put("state", entry.state().text()).put("attempts", entry.attempt()).put("started", entry.started().toString())
                .put("millis", entry.duration(Instant.now()).toMillis()).put("result", entry.error().orElse(told));
    }

    private static void results(ObjectNode report, Records records) {
        ArrayNode warnings = Records.JSON.createArrayNode();
        find(records, Stage.DOWNLOAD, Facts.Downloaded.class).ifPresent(pulled -> {
            ObjectNode node = report.putObject("adapter").put("source", pulled.source()).put("folder", pulled.adapter().toString()).put("identity", pulled.identity())
                    .put("transferred", pulled.bytes());
            pulled.items().forEach(item -> node.withArray("files").add(file(item)));
        });
        find(records, Stage.MERGE, Facts.Merged.class).ifPresent(merged -> {
            report.putObject("base").put("name", merged.baseName()).put("commit", merged.baseCommit()).put("folder", merged.base().toString()).put("adapted-tensors", merged.tensors());
            merged.warnings().forEach(warnings::add);
        });
        find(records, Stage.QUANTIZE, Facts.Quantized.class).ifPresent(made -> {
            report.putObject("pass").put("weights", made.weights()).put("millis", made.millis()).put("bytes-read", made.bytesRead()).put("bytes-written", made.bytesWritten())
                    .put("bytes-resumed", made.resumedBytes());
            files(report, made.files());
            made.notes().forEach(warnings::add);
        });
        find(records, Stage.DEPLOY, Facts.Deployed.class).ifPresent(deployed -> {
            report.putObject("release").put("number", deployed.release()).put("folder", deployed.folder().toString()).put("primary", deployed.primary())
                    .put("previous", deployed.previous());
            files(report, deployed.files());
        });
        find(records, Stage.HEALTH_CHECK, Facts.Checked.class).ifPresent(checked -> {
            report.putObject("health").put("status", checked.status()).put("endpoint", checked.endpoint() == null ? null : checked.endpoint().toString()).put("answer", checked.answer());
            checked.findings().forEach(warnings::add);
        });
        find(records, Stage.EVALUATE, Facts.Evaluated.class).ifPresent(scored -> report.putObject("evaluation").put("score", scored.score()).put("prompts", scored.prompts())
                .put("errors", scored.errors()).put("tokens-per-second", scored.tokensPerSecond()));
        report.set("warnings", warnings);
    }

    /** A record that another version of the ferry wrote is left out of the report; the stages' own lines still stand. */
    private static <T> Optional<T> find(Records records, Stage stage, Class<T> kind) {
        try {
            return records.find(stage, kind);
        } catch (FerryException e) {
            LOG.debug("{}", e.getMessage());
            return Optional.empty();
        }
    }

    private static void files(ObjectNode report, List<Facts.Gguf> files) {
        ArrayNode list = report.putArray("files");
        files.forEach(gguf -> {
            ObjectNode node = Records.JSON.createObjectNode().put("format", gguf.format());
            node.setAll(file(gguf.item()));
            list.add(node);
        });
    }

    private static ObjectNode file(Facts.Item item) {
        return Records.JSON.createObjectNode().put("path", item.path().toString()).put("bytes", item.bytes()).put("sha256", item.sha256());
    }
}
