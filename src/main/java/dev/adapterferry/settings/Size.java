package dev.adapterferry.settings;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An amount of data. Written with its unit: {@code 5GB} is 5·10⁹ bytes (as disks and Hugging Face count), {@code 5GiB} is
 * 5·2³⁰.
 *
 * @param bytes amount in bytes, not negative
 */
public record Size(long bytes) {
    private static final Pattern TEXT = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([kKMGT]?)(i?)B?");

    /** Refuses negative amounts. */
    public Size {
        if (bytes < 0) {
            throw new IllegalArgumentException("a size must not be negative");
        }
    }

    /**
     * Reads a size.
     *
     * @param text for example {@code 5GB}, {@code 64KiB}, {@code 0}
     * @return the size
     * @throws IllegalArgumentException when it is none, or has no unit
     */
    public static Size parse(String text) {
        Matcher matcher = TEXT.matcher(text.strip());
        boolean unit = text.strip().endsWith("B") || text.strip().equals("0");
        if (!matcher.matches() || !unit || (!matcher.group(3).isEmpty() && matcher.group(2).isEmpty())) {
            throw new IllegalArgumentException("a size with its unit (such as 64KB, 5GB, 5GiB)");
        }
        int power = matcher.group(2).isEmpty() ? 0 : "KMGT".indexOf(Character.toUpperCase(matcher.group(2).charAt(0))) + 1;
        double bytes = Double.parseDouble(matcher.group(1)) * Math.pow(matcher.group(3).isEmpty() ? 1000 : 1024, power);
        if (bytes > Long.MAX_VALUE) {
            throw new IllegalArgumentException("a size below 8 EiB");
        }
        return new Size((long) bytes);
    }

    /** The shortest exact notation, for example {@code 5GB} or {@code 64KiB}. */
    @Override
    public String toString() {
        for (int power = 4; power > 0; power--) {
            long decimal = (long) Math.pow(1000, power);
            long binary = 1L << (10 * power);
            if (bytes > 0 && bytes % decimal == 0) {
                return bytes / decimal + "" + "KMGT".charAt(power - 1) + "B";
            }
            if (bytes > 0 && bytes % binary == 0) {
                return bytes / binary + "" + "KMGT".charAt(power - 1) + "iB";
            }
        }
        return bytes + "B";
    }
}
