package dev.adapterferry.probe;

/**
 * One thing that is not as it should be, or that is worth knowing.
 *
 * @param status   how bad: DEGRADED or UNHEALTHY; HEALTHY for what is only worth knowing
 * @param check    {@code file}, {@code api}, {@code answer} or {@code system}
 * @param sentence what was expected and what was found
 */
public record Finding(Status status, String check, String sentence) { }
