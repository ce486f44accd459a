package dev.adapterferry.evaluate;

import java.util.Locale;

/** Numbers as reports print them; a dash for what was not measured. */
final class Figures {
    private Figures() { }

    static String score(Double score) {
        return score == null ? "-" : String.format(Locale.ROOT, "%.3f", score);
    }

    static String range(Interval interval) {
        return interval == null ? "-" : String.format(Locale.ROOT, "%.3f to %.3f", interval.low(), interval.high());
    }

    static String difference(Interval interval) {
        return interval == null ? "-" : String.format(Locale.ROOT, "%+.3f (%+.3f to %+.3f)", interval.mean(), interval.low(), interval.high());
    }

    /** A chance as people say it: {@code 3 %}, {@code under 0.1 %}. */
    static String chance(double chance) {
        return chance < 0.001 ? "under 0.1 %" : String.format(Locale.ROOT, chance < 0.1 ? "%.1f %%" : "%.0f %%", 100 * chance);
    }

    static String millis(Double millis) {
        return millis == null ? "-" : String.format(Locale.ROOT, millis < 10 ? "%.1f ms" : "%.0f ms", millis);
    }

    static String rate(Double rate) {
        return rate == null ? "-" : String.format(Locale.ROOT, rate < 10 ? "%.1f" : "%.0f", rate);
    }

    static String bytes(Long bytes) {
        return bytes == null ? "-" : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
