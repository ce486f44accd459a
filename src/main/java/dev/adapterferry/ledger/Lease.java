package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import java.util.concurrent.atomic.AtomicReference;

/** A lock that is held. It is kept alive in the background until it is closed; closing it twice is harmless. */
public final class Lease implements AutoCloseable {
    private enum Hold { HELD, LOST, RELEASED }

    private final Locks locks;
    private final String name;
    private final String token;
    private final String run;
    private final Cancellation cancellation;
    private final AtomicReference<Hold> hold = new AtomicReference<>(Hold.HELD);

    Lease(Locks locks, String name, String token, String run, Cancellation cancellation) {
        this.locks = locks;
        this.name = name;
        this.token = token;
        this.run = run;
        this.cancellation = cancellation;
    }

    /** Name of the lock. */
    public String name() {
        return name;
    }

    /** Whether the lock is still ours. */
    public boolean isHeld() {
        return hold.get() == Hold.HELD;
    }

    /**
     * Stops here when the lock was taken by another process, as happens after this one slept for longer than the lease.
     *
     * @throws FerryException when the lock is lost
     */
    public void check() {
        if (hold.get() == Hold.LOST) {
            throw new FerryException("The lock on '" + name + "' was taken over by another process, since this one showed no sign of life for too long. Nothing more is written here.");
        }
    }

    @Override
    public void close() {
        if (hold.getAndSet(Hold.RELEASED) != Hold.RELEASED) {
            locks.release(this);
        }
    }

    String token() {
        return token;
    }

    String run() {
        return run;
    }

    Cancellation cancellation() {
        return cancellation;
    }

    void lose() {
        if (hold.compareAndSet(Hold.HELD, Hold.LOST)) {
            cancellation.request();
        }
    }
}
