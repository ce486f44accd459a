package dev.adapterferry.evaluate;

import java.util.List;
import java.util.Locale;

/** Horizontal bars in groups, as SVG. */
final class BarChart {
    private static final String[] COLOURS = {"#2f6fde", "#e0812b", "#3a9d5d", "#8f5bd0", "#c43d5c", "#5b7083"};
    private static final int LABEL = 200;
    private static final int WIDTH = 760;
    private static final int BAR = 18;
    private static final int LEGEND_COLUMNS = 3;
    private static final int LEGEND_LINE = 20;

    private BarChart() { }

    /**
     * Bars of one colour.
     *
     * @param name   for the legend
     * @param values one per group, NaN for none
     */
    record Series(String name, List<Double> values) { }

    /**
     * Draws a chart.
     *
     * @param groups    labels of the groups
     * @param series    the bars
     * @param intervals whiskers of the first series, or null
     * @param maximum   value at the right edge, or null for the largest one
     * @param unit      appended to the figures
     */
    static String of(List<String> groups, List<Series> series, List<Interval> intervals, Double maximum, String unit) {
        double top = maximum != null ? maximum : series.stream().flatMap(one -> one.values().stream()).filter(value -> !value.isNaN()).mapToDouble(Double::doubleValue).max().orElse(1);
        double scale = (WIDTH - LABEL - 90) / (top > 0 ? top : 1);
        int group = series.size() * BAR + 12;
        int legend = groups.size() * group + 10;
        int height = series.size() > 1 ? legend + (series.size() + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS * LEGEND_LINE : legend - 4;
        StringBuilder svg = new StringBuilder(String.format(Locale.ROOT, "<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" font-size=\"12\">%n", WIDTH, height, WIDTH));
        for (int g = 0; g < groups.size(); g++) {
            int y = g * group + 6;
            svg.append(String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>%n", LABEL - 8, y + series.size() * BAR / 2 + 4, HtmlReport.escape(shorten(groups.get(g)))));
            for (int s = 0; s < series.size(); s++) {
                double value = series.get(s).values().get(g);
                bar(svg, y + s * BAR, value, scale, COLOURS[s % COLOURS.length], unit, s == 0 && intervals != null ? intervals.get(g) : null);
            }
        }
        for (int s = 0; s < series.size() && series.size() > 1; s++) {
            int x = LABEL + s % LEGEND_COLUMNS * (WIDTH - LABEL) / LEGEND_COLUMNS;
            int y = legend + s / LEGEND_COLUMNS * LEGEND_LINE;
            svg.append(String.format(Locale.ROOT, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>%n", x, y, COLOURS[s % COLOURS.length],
                    x + 18, y + 10, HtmlReport.escape(shorten(series.get(s).name()))));
        }
        return svg.append("</svg>\n").toString();
    }

    private static void bar(StringBuilder svg, int y, double value, double scale, String colour, String unit, Interval whisker) {
        if (Double.isNaN(value)) {
            svg.append(String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\">no answer</text>%n", LABEL + 4, y + 13));
            return;
        }
        double end = LABEL + value * scale;
        svg.append(String.format(Locale.ROOT, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n", LABEL, y + 1, Math.max(1, value * scale), BAR - 3, colour));
        double text = end;
        if (whisker != null) {
            double low = LABEL + whisker.low() * scale;
            double high = LABEL + whisker.high() * scale;
            text = Math.max(end, high);
            svg.append(String.format(Locale.ROOT, "<path d=\"M%.1f %d H%.1f M%.1f %d v8 M%.1f %d v8\" stroke=\"currentColor\" fill=\"none\"/>%n", low, y + 8, high, low, y + 4, high, y + 4));
        }
        String figure = String.format(Locale.ROOT, value < 10 ? "%.3f" : "%.0f", value) + unit;
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%d\">%s</text>%n", text + 6, y + 13, figure));
    }

    private static String shorten(String text) {
        return text.length() <= 28 ? text : text.substring(0, 27) + "\u2026";
    }
}
