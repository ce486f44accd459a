package dev.adapterferry.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.adapterferry.secret.Redaction;

/** Lines for a person at a terminal, on standard error: standard output belongs to results. Stack traces only when all is shown. */
final class Console extends AppenderBase<ILoggingEvent> {
    static final String NAME = "console";

    private final Level least;

    Console(Level least) {
        this.least = least;
        setName(NAME);
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getLevel().isGreaterOrEqual(least)) {
            System.err.println(Redaction.redact(Lines.forPeople(event, least.levelInt <= Level.DEBUG_INT)));
        }
    }
}
