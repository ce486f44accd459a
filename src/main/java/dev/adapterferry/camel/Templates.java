package dev.adapterferry.camel;

import dev.adapterferry.failure.TransientFailure;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.ProducerTemplate;

/**
 * The producer template of the routes that are live now. Beans outlive a generation of routes, so they ask here each time
 * instead of holding one.
 */
final class Templates {
    private final AtomicReference<ProducerTemplate> current = new AtomicReference<>();

    void set(ProducerTemplate template) {
        current.set(template);
    }

    ProducerTemplate get() {
        ProducerTemplate template = current.get();
        if (template == null) {
            throw new TransientFailure("The routes are not running yet.");
        }
        return template;
    }
}
