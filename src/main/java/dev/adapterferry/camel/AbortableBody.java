package dev.adapterferry.camel;

import dev.adapterferry.progress.Cancellation;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import software.amazon.awssdk.http.Abortable;

/** The bytes of an object as the store's client hands them out: a read that waits for a silent store ends when a stop is requested. */
final class AbortableBody extends FilterInputStream {
    private final Cancellation.Hook hook;

    AbortableBody(InputStream body) {
        super(body);
        // Closing would first read what is left.
        hook = Cancellation.current().onRequest(() -> {
            if (body instanceof Abortable open) {
                open.abort();
            }
        });
    }

    @Override
    public void close() throws IOException {
        hook.close();
        super.close();
    }
}
