package dev.adapterferry.evaluate;

/**
 * A mean with the range in which it lies with 95 % confidence.
 *
 * @param mean the mean
 * @param low  lower end
 * @param high upper end
 */
public record Interval(double mean, double low, double high) { }
