package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;

/** Tells people what a stage did beyond its own run. Never fails and never waits: what cannot be told is only logged. */
@FunctionalInterface
public interface Announcer {
    /** Tells nobody. */
    Announcer NOBODY = alert -> { };

    /** Passes an alert on; settings and throttle decide who hears it. */
    void announce(Alert alert);
}
