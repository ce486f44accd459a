package dev.adapterferry.cli;

import dev.adapterferry.evaluate.Comparison;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.evaluate.Scored;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;

/** Prints an evaluation for people, and keeps its reports. */
final class EvaluationPrinter {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneId.systemDefault());

    private final Console console;

    EvaluationPrinter(Console console) {
        this.console = console;
    }

    /** Writes the reports; where to. */
    Path write(Settings settings, Optional<Path> wanted, EvaluationReport report) {
        Path folder = wanted.map(root -> root.resolve(report.model())).orElseGet(() -> settings.home().resolve("evaluations").resolve(report.model()).resolve(TIME.format(report.time())));
        report.write(folder);
        return folder;
    }

    void print(EvaluationReport report, Path folder) {
        Table table = new Table("contender", "score", "95 % between", "answered", "latency p50", "p95", "first token", "tokens/s", "memory");
        for (Scorecard card : report.cards()) {
            table.row(card.label(), card.score() == null ? "-" : figure("%.3f", card.score()), card.interval().map(range -> figure("%.3f", range.low()) + " to " + figure("%.3f", range.high())).orElse("-"),
                    card.answered() + " of " + card.outcomes().size(), millis(card.percentile(Scored::latencyMillis, 50)), millis(card.percentile(Scored::latencyMillis, 95)),
                    millis(card.percentile(Scored::firstTokenMillis, 50)), card.tokensPerSecond() == null ? "-" : figure("%.1f", card.tokensPerSecond()),
                    card.memoryBytes() == null ? "-" : Console.bytes(card.memoryBytes()));
        }
        console.println(table.toString());
        report.comparisons().forEach(this::print);
        report.notes().forEach(note -> console.println("  " + note));
        report.objections().forEach(objection -> console.println("  not passed: " + objection));
        console.println("  " + folder.resolve("evaluation.html"));
    }

    private void print(Comparison comparison) {
        console.println("  " + comparison.contender() + " against " + comparison.reference() + ": " + comparison.reason());
    }

    private static String millis(Double millis) {
        return millis == null ? "-" : figure(millis < 10 ? "%.1f ms" : "%.0f ms", millis);
    }

    private static String figure(String form, double value) {
        return String.format(Locale.ROOT, form, value);
    }
}
