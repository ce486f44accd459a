package dev.adapterferry.waiting;

import dev.adapterferry.progress.Cancellation;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Work that somebody stops while it is under way. */
public final class Stopping {
    private Stopping() { }

    /**
     * Starts work in a thread of its own, and requests its end when it is under way.
     *
     * @param work     under a cancellation, which is the current one there too
     * @param underWay hears the thread; whether the work is in the middle
     * @return what the work threw; fails where it ends well
     */
    public static Throwable of(Consumer<Cancellation> work, UnderWay underWay) throws Exception {
        Cancellation cancellation = new Cancellation();
        CompletableFuture<Throwable> end = new CompletableFuture<>();
        Thread thread = Thread.ofPlatform().daemon().start(() -> {
            try {
                cancellation.over(() -> {
                    work.accept(cancellation);
                    return null;
                });
                end.complete(new AssertionError("it was not stopped"));
            } catch (RuntimeException | Error e) {
                end.complete(e);
            }
        });
        Callable<Boolean> condition = () -> end.isDone() || underWay.of(thread);
        Waiting.until("the work is under way", condition);
        if (end.isDone()) {
            throw new AssertionError("it ended before it was stopped", end.join());
        }
        cancellation.request();
        Waiting.until("the work ends", end::isDone);
        return end.join();
    }

    /** Tells whether work is in the middle. */
    @FunctionalInterface
    public interface UnderWay {
        /** Looks. */
        boolean of(Thread thread) throws Exception;
    }

    /** Whether a thread sleeps, as one does that looks again and again. */
    public static boolean sleeps(Thread thread) {
        return thread.getState() == Thread.State.TIMED_WAITING;
    }
}
