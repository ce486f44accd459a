package dev.adapterferry.cli;

import dev.adapterferry.probe.Finding;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthJson;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/** Prints health checks for people: a row per model, then what is wrong, and on demand everything that was seen. */
final class HealthPrinter {
    private final Console console;

    HealthPrinter(Console console) {
        this.console = console;
    }

    void print(List<Health> results, boolean detailed) {
        if (results.isEmpty()) {
            console.println("Nothing is deployed, so nothing is healthy. Deploy a model first: ferry deploy MODEL.");
            return;
        }
        Table table = new Table("model", "health", "files", "server", "answers", "latency", "first token", "tokens/s");
        results.forEach(health -> table.row(health.model(), health.status().text(), files(health), server(health.api()), answers(health), slowest(health, Health.AnswerReport::latencyMillis),
                slowest(health, Health.AnswerReport::firstTokenMillis), rate(health)));
        console.println(table.toString());
        for (Health health : results) {
            for (Finding finding : health.findings()) {
                console.println("  " + health.model() + ", " + finding.check() + ", " + finding.status().text() + ": " + finding.sentence());
            }
        }
        if (detailed) {
            results.forEach(this::detail);
        }
        if (results.size() > 1) {
            console.println("\nAll together: " + HealthJson.worst(results).text() + ".");
        }
    }

    private static String files(Health health) {
        return health.files() == null ? "-" : health.files().stream().filter(file -> file.gguf() != null).count() + " of " + health.files().size() + " whole";
    }

    private static String server(Health.ApiReport api) {
        return api == null ? "-" : api.reachable() ? api.server() + (api.listed() ? "" : ", not listed") : "no answer";
    }

    private static String answers(Health health) {
        return health.answers() == null ? "-" : health.answers().stream().filter(Health.AnswerReport::passed).count() + " of " + health.answers().size() + " good";
    }

    private static String slowest(Health health, java.util.function.Function<Health.AnswerReport, Long> millis) {
        return health.answers() == null ? "-" : health.answers().stream().map(millis).filter(Objects::nonNull).max(Long::compare).map(most -> most + " ms").orElse("-");
    }

    private static String rate(Health health) {
        return health.answers() == null ? "-" : health.answers().stream().map(Health.AnswerReport::tokensPerSecond).filter(Objects::nonNull).min(Double::compare)
                .map(HealthPrinter::figure).orElse("-");
    }

    private static String figure(double rate) {
        return String.format(Locale.ROOT, rate < 10 ? "%.1f" : "%.0f", rate);
    }

    private void detail(Health health) {
        console.println("\n" + health.model() + ", checked at " + health.time());
        if (health.files() != null) {
            health.files().forEach(file -> console.println("  file      " + file.path() + ", " + (file.exists() ? Console.bytes(file.bytes()) : "missing") + gguf(file.gguf())
                    + (file.sha256() == null ? "" : ", SHA-256 " + file.sha256() + (Boolean.TRUE.equals(file.intact()) ? " as installed" : ""))));
        }
        Health.ApiReport api = health.api();
        if (api != null) {
            console.println("  server    " + api.endpoint() + (api.reachable() ? ", " + api.server() + ", lists " + String.join(", ", api.models()) + " in " + api.responseMillis() + " ms" : ", no answer")
                    + (api.loaded() == null ? "" : api.loaded() ? ", loaded" + (api.quantization() == null ? "" : " as " + api.quantization()) + (api.context() == null ? "" : " with " + api.context() + " tokens")
                    : ", not loaded"));
        }
        if (health.answers() != null) {
            health.answers().forEach(this::detail);
        }
        Health.SystemReport system = health.system();
        if (system != null) {
            console.println("  disk      " + Console.bytes(system.diskFreeBytes()) + " of " + Console.bytes(system.diskTotalBytes()) + " free");
            console.println("  memory    " + Console.bytes(system.memoryAvailableBytes()) + " of " + Console.bytes(system.memoryTotalBytes()) + " available");
            console.println("  graphics  " + (system.gpus().isEmpty() ? "none" : system.gpus().stream().map(gpu -> gpu.name() + (gpu.memoryTotalBytes() == 0 ? "" : " " + Console.bytes(gpu.memoryTotalBytes())))
                    .collect(Collectors.joining(", "))));
        }
    }

    private void detail(Health.AnswerReport answer) {
        console.println("  asked     " + answer.prompt());
        if (answer.error() != null) {
            console.println("  error     " + answer.error());
            return;
        }
        if (!answer.reasoning().isEmpty()) {
            console.println("  thought   " + oneLine(answer.reasoning()));
        }
        console.println("  answered  " + oneLine(answer.response()));
        console.println("            " + answer.model() + ", " + (answer.finishReason().isEmpty() ? "no finish reason" : answer.finishReason()) + ", " + answer.latencyMillis() + " ms"
                + (answer.firstTokenMillis() == null ? "" : ", first token after " + answer.firstTokenMillis() + " ms") + (answer.tokens() == null ? "" : ", " + answer.tokens() + " tokens")
                + (answer.tokensPerSecond() == null ? "" : ", " + figure(answer.tokensPerSecond()) + " tokens/s"));
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " / ").replaceAll("\\p{Cntrl}", "?");
    }

    private static String gguf(Health.Gguf gguf) {
        return gguf == null ? ", no whole GGUF file" : ", " + (gguf.architecture().isEmpty() ? "a further shard" : gguf.architecture()) + ", " + gguf.tensors() + " tensors, "
                + gguf.parameters() + " weights" + (gguf.contextLength() == null ? "" : ", context up to " + gguf.contextLength());
    }
}
