package dev.adapterferry.evaluate;

import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * An evaluation as one HTML file: styles and SVG charts inside, no script, nothing loaded from anywhere. Everything that a
 * model or a server said is escaped.
 */
final class HtmlReport {
    private static final String STYLE = """
            body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2330;background:#fff}
            h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}
            table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde3ea;vertical-align:top}
            td{font-variant-numeric:tabular-nums}.figures td{white-space:nowrap}.passed{color:#0a7a3d}.refused{color:#b3261e}
            svg{max-width:100%;height:auto}details{border-bottom:1px solid #dde3ea;padding:.3rem 0}summary{cursor:pointer}
            pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f7fa;padding:.6rem;margin:.4rem 0}
            @media(prefers-color-scheme:dark){body{background:#14181f;color:#e3e8ef}th,td,details{border-color:#333c48}pre{background:#1e252f}.passed{color:#5fd08f}.refused{color:#ff8a80}text{fill:#e3e8ef}}
            """;

    private final EvaluationReport report;
    private final StringBuilder out = new StringBuilder();

    HtmlReport(EvaluationReport report) {
        this.report = report;
    }

    String text() {
        out.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/><title>Evaluation of ")
                .append(escape(report.model())).append("</title><style>").append(STYLE).append("</style></head><body>\n<h1>Evaluation of ").append(escape(report.model()))
                .append("</h1>\n<p>").append(report.time().truncatedTo(ChronoUnit.SECONDS)).append(": <strong class=\"").append(report.passed() ? "passed\">passed" : "refused\">not passed").append("</strong></p>\n");
        if (!report.passed()) {
            out.append("<ul>");
            report.objections().forEach(objection -> out.append("<li>").append(escape(objection)).append("</li>"));
            out.append("</ul>\n");
        }
        report.notes().forEach(note -> out.append("<p>").append(escape(note)).append("</p>\n"));
        contenders();
        categories();
        comparisons();
        outcomes();
        return out.append("</body></html>\n").toString();
    }

    private void contenders() {
        head("figures", "contender", "score", "95 % between", "answered", "errors", "latency p50", "p95", "first token p50", "p95", "tokens/s", "memory");
        for (Scorecard card : report.cards()) {
            EvaluationReport.Summary sum = EvaluationReport.Summary.of(card);
            row(MarkdownReport.name(card), Figures.score(sum.score()), Figures.range(sum.interval()), sum.answered() + " of " + sum.prompts(), Integer.toString(sum.errors()),
                    Figures.millis(sum.latencyMillisP50()), Figures.millis(sum.latencyMillisP95()), Figures.millis(sum.firstTokenMillisP50()), Figures.millis(sum.firstTokenMillisP95()),
                    Figures.rate(sum.tokensPerSecond()), Figures.bytes(card.memoryBytes()));
        }
        out.append("</table>\n");
        List<String> names = report.cards().stream().map(MarkdownReport::name).toList();
        out.append("<h2>Score</h2>\n").append(BarChart.of(names, List.of(series("score", card -> orNaN(card.score()))), report.cards().stream().map(Bootstrap::score).toList(), 1.0, ""));
        out.append("<h2>Latency</h2>\n").append(BarChart.of(names, List.of(series("median", card -> orNaN(card.percentile(Scored::latencyMillis, 50))),
                series("95th percentile", card -> orNaN(card.percentile(Scored::latencyMillis, 95)))), null, null, " ms"));
        out.append("<h2>Tokens per second</h2>\n").append(BarChart.of(names, List.of(series("median", card -> orNaN(card.tokensPerSecond()))), null, null, ""));
    }

    private void categories() {
        List<String> categories = report.categories();
        if (categories.size() < 2) {
            return;
        }
        out.append("<h2>Score by category</h2>\n");
        List<BarChart.Series> series = report.cards().stream()
                .map(card -> new BarChart.Series(MarkdownReport.name(card), categories.stream().map(category -> orNaN(card.category(category).score())).toList())).toList();
        out.append(BarChart.of(categories, series, null, 1.0, ""));
        head("figures", "category", "contender", "score", "95 % between", "answered", "errors", "latency p50", "p95", "first token p50", "p95", "tokens/s");
        for (String category : categories) {
            for (Scorecard card : report.cards()) {
                EvaluationReport.Summary sum = EvaluationReport.Summary.of(card.category(category));
                row(category, MarkdownReport.name(card), Figures.score(sum.score()), Figures.range(sum.interval()), sum.answered() + " of " + sum.prompts(), Integer.toString(sum.errors()),
                        Figures.millis(sum.latencyMillisP50()), Figures.millis(sum.latencyMillisP95()), Figures.millis(sum.firstTokenMillisP50()), Figures.millis(sum.firstTokenMillisP95()),
                        Figures.rate(sum.tokensPerSecond()));
            }
        }
        out.append("</table>\n");
    }

    private void comparisons() {
        if (report.comparisons().isEmpty()) {
            return;
        }
        out.append("<h2>Compared</h2>\n");
        head("", "contender", "reference", "difference (95 %)", "better", "worse", "verdict");
        for (Comparison comparison : report.comparisons()) {
            row(comparison.contender(), comparison.reference(), Figures.difference(comparison.difference()), String.join(", ", comparison.better()), String.join(", ", comparison.worse()), comparison.reason());
        }
        out.append("</table>\n");
    }

    private void head(String kind, String... names) {
        out.append("<table class=\"").append(kind).append("\"><tr>");
        for (String name : names) {
            out.append("<th>").append(escape(name)).append("</th>");
        }
        out.append("</tr>\n");
    }

    private void row(String... cells) {
        out.append("<tr>");
        for (String cell : cells) {
            out.append("<td>").append(escape(cell)).append("</td>");
        }
        out.append("</tr>\n");
    }

    private void outcomes() {
        out.append("<h2>Answers</h2>\n");
        if (report.cards().isEmpty()) {
            return;
        }
        for (Scored first : report.cards().getFirst().outcomes()) {
            out.append("<details><summary>").append(escape(first.id())).append(" (").append(escape(first.category())).append("): ")
                    .append(first.failed() ? "error" : Figures.score(first.score())).append("</summary><pre>").append(escape(first.prompt())).append("</pre>\n");
            for (Scorecard card : report.cards()) {
                card.outcomes().stream().filter(outcome -> outcome.id().equals(first.id())).forEach(outcome -> out.append("<p>").append(escape(MarkdownReport.name(card))).append(": ")
                        .append(outcome.failed() ? "error" : Figures.score(outcome.score()) + ", " + Figures.millis(outcome.latencyMillis())).append("</p><pre>")
                        .append(escape(outcome.failed() ? outcome.error() : outcome.answer())).append("</pre>\n"));
            }
            out.append("</details>\n");
        }
    }

    private BarChart.Series series(String name, ToDoubleFunction<Scorecard> value) {
        return new BarChart.Series(name, report.cards().stream().map(value::applyAsDouble).toList());
    }

    private static double orNaN(Double value) {
        return value == null ? Double.NaN : value;
    }

    /** Text of anybody as text of a page; control characters, which pages may not hold, become visible. */
    static String escape(String text) {
        return text.replaceAll("[\\p{Cntrl}&&[^\\n\\t]]|[\\uFFFE\\uFFFF]", "\uFFFD").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#39;");
    }
}
