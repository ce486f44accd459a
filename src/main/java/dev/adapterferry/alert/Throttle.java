package dev.adapterferry.alert;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/** Lets the same alert through once in a while. Safe for many threads; forgets what is over. Outlives reloads of routes and settings. */
public final class Throttle {
    private final Map<String, Instant> told = new ConcurrentHashMap<>();

    /**
     * Whether an alert is to be told now.
     *
     * @param alert what happened; see {@link Alert#key()} for what counts as the same
     * @param now   the time
     * @param pause how long the same alert stays silent after it was told; zero lets everything through
     */
    public boolean lets(Alert alert, Instant now, Duration pause) {
        told.values().removeIf(time -> !now.isBefore(time.plus(pause)));
        AtomicBoolean first = new AtomicBoolean();
        told.computeIfAbsent(alert.key(), key -> {
            first.set(true);
            return now;
        });
        return first.get();
    }
}
