package dev.adapterferry.log;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.MDC;

/**
 * What the lines of this thread belong to. Opened around the work, closed in the same thread:
 * {@code try (LogContext context = LogContext.of(run, model, stage)) { ... }}. Contexts nest.
 */
public final class LogContext implements AutoCloseable {
    static final String RUN = "run";
    static final String MODEL = "model";
    static final String STAGE = "stage";

    private final Deque<String[]> before = new ArrayDeque<>();

    private LogContext() { }

    /**
     * Opens a context.
     *
     * @param run   id of the run, or null for none
     * @param model the model's name, or null
     * @param stage the stage, or null for the run as a whole
     */
    public static LogContext of(String run, String model, String stage) {
        LogContext context = new LogContext();
        context.put(RUN, run);
        context.put(MODEL, model);
        context.put(STAGE, stage);
        return context;
    }

    private void put(String key, String value) {
        before.push(new String[] {key, MDC.get(key)});
        set(key, value);
    }

    private static void set(String key, String value) {
        if (value == null) {
            MDC.remove(key);
        } else {
            MDC.put(key, value);
        }
    }

    @Override
    public void close() {
        while (!before.isEmpty()) {
            String[] entry = before.pop();
            set(entry[0], entry[1]);
        }
    }
}
