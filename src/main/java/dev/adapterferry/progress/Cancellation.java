package dev.adapterferry.progress;

import dev.adapterferry.failure.Cancelled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * A request to stop that reaches running kernels, transfers, and threads that wait for somebody's answer. Work that computes checks it at
 * least every second or so (per row block, per chunk); work that waits does so inside {@link #interrupting} or {@link #apart}.
 * Thread-safe; once requested it stays requested.
 */
public final class Cancellation {
    private static final ScopedValue<Cancellation> CURRENT = ScopedValue.newInstance();
    /** What holds where nobody has bound one: it is never requested, and keeps nothing. */
    private static final Cancellation NEVER = new Cancellation();

    private final Set<Hook> hooks = new LinkedHashSet<>();
    private volatile boolean requested;

    /** Something to be done when the request comes; closed when there is nothing more to do. */
    public final class Hook implements AutoCloseable {
        private final Runnable act;

        private Hook(Runnable act) {
            this.act = act;
        }

        @Override
        public void close() {
            synchronized (hooks) {
                hooks.remove(this);
            }
        }
    }

    /**
     * Work that waits for something outside.
     *
     * @param <T> what it gives
     * @param <E> how it fails
     */
    @FunctionalInterface
    public interface Waiting<T, E extends Exception> {
        /** Does it. */
        T call() throws E, InterruptedException;
    }

    /** The request that holds for what this thread does; one that never comes where nobody has bound another. */
    public static Cancellation current() {
        return CURRENT.orElse(NEVER);
    }

    /** Does work in this thread under this request: {@link #current} gives it to everything below, whoever called that. */
    public <T> T over(Supplier<T> work) {
        return ScopedValue.where(CURRENT, this).call(work::get);
    }

    /** Asks the work to stop. */
    public void request() {
        if (this == NEVER) {
            throw new IllegalStateException("nobody has bound a cancellation here");
        }
        List<Hook> told;
        synchronized (hooks) {
            requested = true;
            told = new ArrayList<>(hooks);
            hooks.clear();
        }
        told.forEach(hook -> hook.act.run());
    }

    /** True once somebody has asked to stop. */
    public boolean isRequested() {
        return requested;
    }

    /**
     * Stops here when asked to.
     *
     * @param what the work, for the message
     * @throws Cancelled when a stop was requested
     */
    public void check(String what) {
        if (requested) {
            throw new Cancelled(what);
        }
    }

    /**
     * Has something done as soon as the request comes: a connection closed, a thread interrupted. At once when it has come already.
     *
     * @param act returns quickly and does not throw; called by whoever requests
     * @return to be closed when it is not needed any more
     */
    public Hook onRequest(Runnable act) {
        Hook hook = new Hook(act);
        synchronized (hooks) {
            if (!requested) {
                if (this != NEVER) {
                    hooks.add(hook);
                }
                return hook;
            }
        }
        act.run();
        return hook;
    }

    /**
     * Waits in this thread for something that hears interrupts, and interrupts it when the request comes. No interrupt is left behind.
     *
     * @param what the work, for the message
     * @throws Cancelled when a stop was requested before it had ended
     */
    public <T, E extends Exception> T interrupting(String what, Waiting<T, E> work) throws E {
        check(what);
        Interrupt interrupt = new Interrupt(Thread.currentThread());
        try (Hook _ = onRequest(interrupt)) {
            return work.call();
        } catch (InterruptedException e) {
            if (!requested) {
                Thread.currentThread().interrupt();
            }
            throw new Cancelled(what);
        } catch (Exception e) {
            // What a closed connection or a broken wait makes of it says nothing.
            check(what);
            throw e;
        } finally {
            interrupt.end();
        }
    }

    /**
     * The same for something that only hears interrupts in a virtual thread, as reading from a plain socket does: there it closes the
     * socket. What is bound to this thread does not hold there.
     *
     * @param what the work, for the message; names the thread
     * @throws Cancelled when a stop was requested before it had ended
     */
    public <T> T apart(String what, Waiting<T, RuntimeException> work) {
        FutureTask<T> task = new FutureTask<>(work::call);
        Thread thread = Thread.ofVirtual().name(what).unstarted(task);
        return interrupting(what, () -> {
            thread.start();
            try {
                return task.get();
            } catch (InterruptedException e) {
                thread.interrupt();
                throw e;
            } catch (ExecutionException e) {
                throw e.getCause() instanceof RuntimeException failure ? failure : e.getCause() instanceof Error error ? error(error) : new IllegalStateException(e.getCause());
            }
        });
    }

    private static RuntimeException error(Error error) {
        throw error;
    }

    /**
     * Waits for a time.
     *
     * @param what what for, for the message
     * @throws Cancelled when a stop was requested meanwhile
     */
    public void pause(String what, Duration time) {
        interrupting(what, () -> {
            Thread.sleep(time);
            return null;
        });
    }

    /** Interrupts a thread as long as it is in the work that it was made for, and not a moment longer. */
    private static final class Interrupt implements Runnable {
        private final Thread thread;
        private boolean sent;
        private boolean ended;

        Interrupt(Thread thread) {
            this.thread = thread;
        }

        @Override
        public synchronized void run() {
            if (!ended) {
                sent = true;
                thread.interrupt();
            }
        }

        synchronized void end() {
            ended = true;
            if (sent) {
                Thread.interrupted();
            }
        }
    }
}
