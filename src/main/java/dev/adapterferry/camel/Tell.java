package dev.adapterferry.camel;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Marks the copy of an exchange that a wire tap sends to the alerts: what happened, and the sentence of the failure if there
 * was one. The exchange itself goes on untouched.
 */
final class Tell implements Processor {
    private final String event;

    /** @param event kebab-case name of the event */
    Tell(String event) {
        this.event = event;
    }

    @Override
    public void process(Exchange exchange) {
        exchange.getMessage().setHeader(FerryHeaders.ALERT, event);
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        if (failure != null) {
            exchange.getMessage().setHeader(FerryHeaders.REASON, failure.getMessage());
        }
    }
}
