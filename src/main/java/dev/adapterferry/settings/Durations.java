package dev.adapterferry.settings;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The notation of times: {@code 250ms}, {@code 30s}, {@code 5m}, {@code 2h}, {@code 30d}, or several, {@code 1h30m}. Camel reads the same. */
final class Durations {
    private static final Pattern PART = Pattern.compile("(\\d+)(ms|s|m|h|d)");
    private static final Pattern WHOLE = Pattern.compile("(\\d+(ms|s|m|h|d))+");

    private Durations() { }

    /**
     * Reads a time.
     *
     * @throws IllegalArgumentException when it is none, or has no unit
     */
    static Duration parse(String text) {
        String compact = text.strip().replace(" ", "");
        if (compact.equals("0")) {
            return Duration.ZERO;
        }
        if (!WHOLE.matcher(compact).matches()) {
            throw new IllegalArgumentException("a time with its unit (such as 250ms, 30s, 5m, 2h, 30d)");
        }
        Duration sum = Duration.ZERO;
        Matcher part = PART.matcher(compact);
        while (part.find()) {
            sum = sum.plus(one(part.group(1), part.group(2)));
        }
        return sum;
    }

    private static Duration one(String digits, String unit) {
        try {
            long amount = Long.parseLong(digits);
            return switch (unit) {
                case "ms" -> Duration.ofMillis(amount);
                case "s" -> Duration.ofSeconds(amount);
                case "m" -> Duration.ofMinutes(amount);
                case "h" -> Duration.ofHours(amount);
                default -> Duration.ofDays(amount);
            };
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException("a time below 292 years", e);
        }
    }

    /** The shortest notation that reads back as the same time, down to milliseconds. */
    static String print(Duration time) {
        if (time.isZero()) {
            return "0s";
        }
        StringBuilder text = new StringBuilder();
        append(text, time.toDaysPart(), "d");
        append(text, time.toHoursPart(), "h");
        append(text, time.toMinutesPart(), "m");
        append(text, time.toSecondsPart(), "s");
        append(text, time.toMillisPart(), "ms");
        return text.toString();
    }

    private static void append(StringBuilder text, long amount, String unit) {
        if (amount > 0) {
            text.append(amount).append(unit);
        }
    }
}
