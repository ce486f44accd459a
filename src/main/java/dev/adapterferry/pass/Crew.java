package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/** The threads of one pass. The first failure of any of them stops all, and is what the caller gets. */
final class Crew {
    /** Work that ends by itself or when the pass stops. */
    interface Task {
        void run() throws Exception;
    }

    private final String name;
    private final Runnable stop;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final LongAdder cpuNanos = new LongAdder();

    /**
     * @param name the pass, for thread names and messages
     * @param stop makes the tasks end soon
     */
    Crew(String name, Runnable stop) {
        this.name = name;
        this.stop = stop;
    }

    /** Starts a thread. */
    void start(String role, Task task) {
        threads.add(Thread.ofPlatform().name("pass-" + role).daemon().start(() -> {
            try {
                task.run();
            } catch (Throwable e) {
                fail(e);
            } finally {
                cpuNanos.add(ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime());
            }
        }));
    }

    /** Waits for all threads started so far; an interrupt of the caller cancels the pass. */
    void join() {
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                    fail(new Cancelled(name));
                }
            }
        }
        threads.clear();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    boolean hasFailed() {
        return failure.get() != null;
    }

    /** Throws what went wrong, if anything did. */
    void throwFailure() {
        switch (failure.get()) {
            case null -> { }
            case RuntimeException e -> throw e;
            case InternalError e -> throw new FerryException("Cannot read the source of " + name + ": a file became shorter while it was being read. Restore it and run again.", e);
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    /** CPU time of the threads that have ended. */
    long cpuNanos() {
        return cpuNanos.sum();
    }

    private void fail(Throwable e) {
        failure.compareAndSet(null, e);
        stop.run();
    }
}
