package dev.adapterferry.probe;

import dev.adapterferry.failure.SettingsException;
import java.time.Duration;

/**
 * What is still healthy.
 *
 * @param loadTimeout        limit for the first, unmeasured request: the server may load the model for it
 * @param answerTimeout      limit for one whole answer; beyond it there is none
 * @param retries            how often a request that got no answer is sent again
 * @param retryDelay         pause between two tries
 * @param maxLatency         longest healthy answer
 * @param maxFirstToken      longest healthy time to the first token
 * @param minTokensPerSecond slowest healthy rate
 * @param resourceWarning    share of the models volume and of the memory, in percent, above which the machine is short
 * @param maxTokens          longest answer asked for
 */
public record Limits(Duration loadTimeout, Duration answerTimeout, int retries, Duration retryDelay, Duration maxLatency, Duration maxFirstToken, double minTokensPerSecond,
                     int resourceWarning, int maxTokens) {
    /** Refuses limits that no answer can hold. */
    public Limits {
        if (retries < 0 || maxTokens < 1 || retryDelay.isNegative() || !loadTimeout.isPositive() || !answerTimeout.isPositive()) {
            throw new SettingsException("Health limits must be positive: load-timeout " + loadTimeout + ", answer-timeout " + answerTimeout + ", retries " + retries + ", retry-delay " + retryDelay + ", max-tokens " + maxTokens + ".");
        }
    }

    /** Generous limits: a laptop without a GPU passes them. */
    public static Limits defaults() {
        return new Limits(Duration.ofMinutes(5), Duration.ofMinutes(2), 3, Duration.ofSeconds(5), Duration.ofSeconds(30), Duration.ofSeconds(10), 1, 90, 256);
    }
}
