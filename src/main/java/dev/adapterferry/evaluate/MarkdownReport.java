package dev.adapterferry.evaluate;

import java.time.temporal.ChronoUnit;
import java.util.List;

/** An evaluation as Markdown: verdict, one table of contenders, one of categories, comparisons, errors. */
final class MarkdownReport {
    private final EvaluationReport report;

    MarkdownReport(EvaluationReport report) {
        this.report = report;
    }

    String text() {
        StringBuilder out = new StringBuilder("# Evaluation of ").append(cell(report.model())).append("\n\n").append(report.time().truncatedTo(ChronoUnit.SECONDS)).append(": ")
                .append(report.passed() ? "passed.\n" : "**not passed**:\n\n");
        report.objections().forEach(objection -> out.append("- ").append(cell(objection)).append('\n'));
        report.notes().forEach(note -> out.append("\nNote: ").append(cell(note)).append('\n'));
        out.append("\n| contender | score | 95 % between | answered | errors | latency p50 | p95 | first token p50 | p95 | tokens/s | memory |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
        for (Scorecard card : report.cards()) {
            EvaluationReport.Summary sum = EvaluationReport.Summary.of(card);
            row(out, name(card), Figures.score(sum.score()), Figures.range(sum.interval()), sum.answered() + " of " + sum.prompts(), Integer.toString(sum.errors()),
                    Figures.millis(sum.latencyMillisP50()), Figures.millis(sum.latencyMillisP95()), Figures.millis(sum.firstTokenMillisP50()),
                    Figures.millis(sum.firstTokenMillisP95()), Figures.rate(sum.tokensPerSecond()), Figures.bytes(card.memoryBytes()));
        }
        categories(out);
        comparisons(out);
        errors(out);
        return out.toString();
    }

    private void categories(StringBuilder out) {
        if (report.categories().size() < 2) {
            return;
        }
        out.append("\n## By category\n\n| category | contender | score | answered | errors | latency p50 | p95 | first token p50 | p95 | tokens/s |\n|---|---|---|---|---|---|---|---|---|---|\n");
        for (String category : report.categories()) {
            for (Scorecard card : report.cards()) {
                EvaluationReport.Summary sum = EvaluationReport.Summary.of(card.category(category));
                row(out, category, name(card), Figures.score(sum.score()), sum.answered() + " of " + sum.prompts(), Integer.toString(sum.errors()), Figures.millis(sum.latencyMillisP50()),
                        Figures.millis(sum.latencyMillisP95()), Figures.millis(sum.firstTokenMillisP50()), Figures.millis(sum.firstTokenMillisP95()), Figures.rate(sum.tokensPerSecond()));
            }
        }
    }

    private void comparisons(StringBuilder out) {
        if (report.comparisons().isEmpty()) {
            return;
        }
        out.append("\n## Compared\n\n");
        for (Comparison comparison : report.comparisons()) {
            out.append("- ").append(cell(comparison.contender())).append(" against ").append(cell(comparison.reference())).append(": ").append(comparison.reason()).append('\n');
            list(out, "better", comparison.better());
            list(out, "worse", comparison.worse());
        }
    }

    private void errors(StringBuilder out) {
        if (report.cards().stream().noneMatch(card -> card.errors() > 0)) {
            return;
        }
        out.append("\n## Without an answer\n\n");
        for (Scorecard card : report.cards()) {
            card.outcomes().stream().filter(Scored::failed).forEach(outcome -> out.append("- ").append(cell(name(card))).append(", ").append(cell(outcome.id())).append(": ").append(cell(outcome.error())).append('\n'));
        }
    }

    private static void list(StringBuilder out, String what, List<String> ids) {
        if (!ids.isEmpty()) {
            out.append("  - ").append(what).append(": ").append(cell(String.join(", ", ids))).append('\n');
        }
    }

    static String name(Scorecard card) {
        return card.format().isEmpty() || card.label().contains(card.format()) ? card.label() : card.label() + " " + card.format();
    }

    private static void row(StringBuilder out, String... cells) {
        out.append('|');
        for (String cell : cells) {
            out.append(' ').append(cell(cell)).append(" |");
        }
        out.append('\n');
    }

    /** Text from models and servers must not break the table, nor bring markup of its own. */
    private static String cell(String text) {
        return text.replaceAll("\\s+", " ").replace("\\", "\\\\").replaceAll("([|<>*_`\\[\\]])", "\\\\$1");
    }
}
