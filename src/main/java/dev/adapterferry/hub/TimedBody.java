package dev.adapterferry.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The body of an HTTP answer, piece by piece, each awaited no longer than a limit: the JDK's client bounds the time to the
 * first byte, but would wait for ever on a server that falls silent in the middle. One thread reads.
 */
final class TimedBody implements Flow.Subscriber<List<ByteBuffer>>, AutoCloseable {
    private static final Object END = new Object();

    private final BlockingQueue<Object> pieces = new LinkedBlockingQueue<>();
    private final Duration silence;
    private volatile Flow.Subscription subscription;
    private volatile boolean closed;
    private java.util.Iterator<ByteBuffer> current = java.util.Collections.emptyIterator();

    /** @param silence longest wait for one piece */
    TimedBody(Duration silence) {
        this.silence = silence;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        if (closed) {
            given.cancel();
        } else {
            given.request(2);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> item) {
        pieces.add(item);
    }

    @Override
    public void onError(Throwable failure) {
        pieces.add(failure);
    }

    @Override
    public void onComplete() {
        pieces.add(END);
    }

    /**
     * The next bytes.
     *
     * @return some bytes, or null at the end
     * @throws IOException when the connection broke, or nothing came in time
     */
    ByteBuffer next() throws IOException {
        while (!current.hasNext()) {
            Object piece;
            try {
                piece = pieces.poll(silence.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new java.io.InterruptedIOException("interrupted");
            }
            switch (piece) {
                case null -> throw new IOException("nothing came for " + silence.toSeconds() + " s");
                case Throwable failure -> throw new IOException(failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage(), failure);
                case List<?> buffers -> {
                    current = buffers.stream().map(ByteBuffer.class::cast).iterator();
                    subscription.request(1);
                }
                default -> {
                    pieces.add(END);
                    return null;
                }
            }
        }
        return current.next();
    }

    @Override
    public void close() {
        closed = true;
        Flow.Subscription given = subscription;
        if (given != null) {
            given.cancel();
        }
    }
}
