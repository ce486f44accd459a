package dev.adapterferry.stage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;

/** A run's report as a page of Markdown. Every value is read from the report's JSON; what is not there is left out. */
final class ReportPage {
    private final StringBuilder page = new StringBuilder();
    private final JsonNode report;

    private ReportPage(JsonNode report) {
        this.report = report;
    }

    static String markdown(JsonNode report) {
        return new ReportPage(report).write();
    }

    private String write() {
        page.append("# ").append(text(report, "model")).append(": ").append(text(report, "state")).append("\n\n");
        line("run", text(report, "id"));
        line("asked for", text(report, "created") + " by " + text(report, "trigger"));
        line("took", report.has("millis") ? seconds(report.get("millis").asLong()) : "");
        line("error", text(report, "error"));
        stages();
        files();
        release();
        warnings();
        return page.toString();
    }

    private void stages() {
        table("Stages", "| stage | state | attempts | time | result |\n|---|---|---:|---:|---|\n", report.path("stages"), stage -> "| " + text(stage, "stage") + " | " + text(stage, "state") + " | "
                + text(stage, "attempts") + " | " + seconds(stage.path("millis").asLong()) + " | " + cell(text(stage, "result")) + " |\n");
    }

    private void files() {
        table("Files", "| format | bytes | SHA-256 | path |\n|---|---:|---|---|\n", report.path("files"), file -> "| " + text(file, "format") + " | "
                + String.format(Locale.ROOT, "%,d", file.path("bytes").asLong()) + " | `" + text(file, "sha256") + "` | " + cell(text(file, "path")) + " |\n");
    }

    private void release() {
        if (!report.has("adapter") && !report.has("base") && !report.has("release")) {
            return;
        }
        page.append("\n## What it is made of, and how it does\n\n");
        line("adapter", report.has("adapter") ? text(report.path("adapter"), "source") + " (`" + text(report.path("adapter"), "identity") + "`)" : "");
        line("base", report.has("base") ? text(report.path("base"), "name") + (text(report.path("base"), "commit").isEmpty() ? "" : " at " + text(report.path("base"), "commit")) : "");
        line("release", report.has("release") ? text(report.path("release"), "number") + (text(report.path("release"), "previous").isEmpty() ? ", the first"
                : ", after " + text(report.path("release"), "previous")) : "");
        line("health", text(report.path("health"), "status"));
        JsonNode evaluation = report.path("evaluation");
        line("score", evaluation.path("score").isNumber() ? String.format(Locale.ROOT, "%.3f over %d prompts, %d errors", evaluation.path("score").asDouble(), evaluation.path("prompts").asInt(),
                evaluation.path("errors").asInt()) : "");
        line("speed", evaluation.path("tokens-per-second").isNumber() ? String.format(Locale.ROOT, "%.1f tokens/s", evaluation.path("tokens-per-second").asDouble()) : "");
    }

    private void warnings() {
        table("Warnings", "", report.path("warnings"), warning -> "- " + warning.asText().replaceAll("\\s+", " ") + "\n");
    }

    private void table(String title, String head, JsonNode rows, java.util.function.Function<JsonNode, String> row) {
        if (!rows.isEmpty()) {
            page.append("\n## ").append(title).append("\n\n").append(head);
            rows.forEach(node -> page.append(row.apply(node)));
        }
    }

    private void line(String name, String value) {
        if (!value.isEmpty()) {
            page.append("- ").append(name).append(": ").append(value.replaceAll("\\s+", " ")).append('\n');
        }
    }

    private static String text(JsonNode node, String name) {
        return node.hasNonNull(name) ? node.get(name).asText() : "";
    }

    private static String cell(String text) {
        return text.replaceAll("\\s+", " ").replace("|", "\\|");
    }

    private static String seconds(long millis) {
        return String.format(Locale.ROOT, "%.1f s", millis / 1000.0);
    }
}
