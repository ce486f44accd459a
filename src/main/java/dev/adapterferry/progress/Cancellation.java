package dev.adapterferry.progress;

import dev.adapterferry.failure.Cancelled;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A request to stop that reaches running kernels and transfers. Work checks it at least every second or so (per row
 * block, per chunk). Thread-safe; once requested it stays requested.
 */
public final class Cancellation {
    private final AtomicBoolean requested = new AtomicBoolean();

    /** Asks the work to stop. */
    public void request() {
        requested.set(true);
    }

    /** True once somebody has asked to stop. */
    public boolean isRequested() {
        return requested.get();
    }

    /**
     * Stops here when asked to.
     *
     * @param what the work, for the message
     * @throws Cancelled when a stop was requested
     */
    public void check(String what) {
        if (requested.get()) {
            throw new Cancelled(what);
        }
    }
}
