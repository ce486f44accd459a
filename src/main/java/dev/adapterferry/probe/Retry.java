package dev.adapterferry.probe;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.time.Duration;
import java.util.function.Supplier;

/** Tries again what may heal. */
record Retry(int retries, Duration delay) {
    <T> T call(Supplier<T> act) {
        for (int left = retries; ; left--) {
            try {
                return act.get();
            } catch (TransientFailure e) {
                if (left == 0) {
                    throw e;
                }
                Cancellation.current().pause("health check", delay);
            }
        }
    }
}
