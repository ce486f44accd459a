package dev.adapterferry.alert;

import java.time.Duration;
import java.util.Locale;

/** Amounts as people say them. */
public final class Amounts {
    private Amounts() { }

    /** {@code 4.4 GB}, in powers of 1000. */
    public static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double amount = bytes;
        int unit = -1;
        // Rounds before it decides, so that nothing is 1000.0 of a unit.
        while (Math.round(amount * 10) >= 10_000 || unit < 0) {
            amount /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %sB", amount, "kMGTPE".charAt(unit));
    }

    /** {@code 45 s}, {@code 12 min 4 s}, {@code 3 h 5 min}. */
    public static String time(Duration time) {
        long seconds = time.toSeconds();
        if (seconds < 60) {
            return seconds + " s";
        }
        return seconds < 3600 ? seconds / 60 + " min " + seconds % 60 + " s" : seconds / 3600 + " h " + seconds % 3600 / 60 + " min";
    }

    /** {@code 0.82}. */
    static String score(double score) {
        return String.format(Locale.ROOT, "%.2f", score);
    }

    /** {@code $0.34}. */
    static String dollars(double amount) {
        return String.format(Locale.ROOT, "$%.2f", amount);
    }
}
