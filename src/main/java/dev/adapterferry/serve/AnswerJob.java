package dev.adapterferry.serve;

import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.progress.Cancellation;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One answer being computed on a platform thread of its own: native code would pin a virtual thread's carrier, and a client
 * that reads slowly must not hold the model up. What happens is told as events.
 */
final class AnswerJob implements Runnable {
    /** What happens to an answer. */
    sealed interface Event { }

    /** The next part of the text. */
    record Piece(String text) implements Event { }

    /** The end. */
    record Done(Generation generation) implements Event { }

    /** The end that is none. */
    record Failed(Throwable reason) implements Event { }

    private final ModelShelf shelf;
    private final CompletionRequest request;
    private final Cancellation cancellation = new Cancellation();
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

    AnswerJob(ModelShelf shelf, CompletionRequest request) {
        this.shelf = shelf;
        this.request = request;
    }

    @Override
    public void run() {
        try (ModelShelf.Use use = shelf.use(request.model()).orElseThrow(() -> ApiError.modelNotFound(request.model()))) {
            Generation generation = request.prompt() == null
                    ? use.chat().chat(request.messages(use.model()), request.sampling(use.model()), cancellation, text -> events.add(new Piece(text)))
                    : use.chat().complete(request.prompt(), request.sampling(use.model()), cancellation, text -> events.add(new Piece(text)));
            events.add(new Done(generation));
        } catch (Throwable e) {
            // Whatever it is, somebody waits for it on the other side.
            events.add(new Failed(e));
        }
    }

    Event next() throws InterruptedException {
        return events.take();
    }

    void cancel() {
        cancellation.request();
    }
}
