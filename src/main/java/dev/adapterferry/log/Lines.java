package dev.adapterferry.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Map;

/** Events as text. */
final class Lines {
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

    private Lines() { }

    /**
     * {@code 2026-11-23 23:59:00 WARN  [majora] Cannot reach ...}; a failure adds its own message, or its stack trace.
     *
     * @param stack whether the stack trace is shown
     */
    static String forPeople(ILoggingEvent event, boolean stack) {
        StringBuilder line = new StringBuilder(CLOCK.format(event.getInstant())).append(' ').append(String.format("%-5s", event.getLevel())).append(' ');
        String model = event.getMDCPropertyMap().get(LogContext.MODEL);
        if (model != null) {
            line.append('[').append(model).append("] ");
        }
        line.append(event.getFormattedMessage());
        IThrowableProxy failure = event.getThrowableProxy();
        if (failure != null && stack) {
            line.append(System.lineSeparator()).append(ThrowableProxyUtil.asString(failure).stripTrailing());
        } else if (failure != null && failure.getMessage() != null && !event.getFormattedMessage().contains(failure.getMessage())) {
            line.append(": ").append(failure.getMessage());
        }
        return line.toString();
    }

    /** One JSON object on one line: {@code time, level, logger, thread, message}, then {@code run, stage, model} and {@code error} where there are any. */
    static String forMachines(ILoggingEvent event) {
        StringBuilder json = new StringBuilder("{");
        member(json, "time", Instant.ofEpochMilli(event.getTimeStamp()).toString());
        member(json, "level", event.getLevel().toString());
        member(json, "logger", event.getLoggerName());
        member(json, "thread", event.getThreadName());
        member(json, "message", event.getFormattedMessage());
        Map<String, String> context = event.getMDCPropertyMap();
        member(json, "run", context.get(LogContext.RUN));
        member(json, "stage", context.get(LogContext.STAGE));
        member(json, "model", context.get(LogContext.MODEL));
        member(json, "error", event.getThrowableProxy() == null ? null : ThrowableProxyUtil.asString(event.getThrowableProxy()));
        return json.append('}').toString();
    }

    private static void member(StringBuilder json, String name, String value) {
        if (value == null) {
            return;
        }
        json.append(json.length() == 1 ? "\"" : ",\"").append(name).append("\":\"");
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"', '\\' -> json.append('\\').append(c);
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                default -> {
                    // Half a surrogate pair has no UTF-8 form, and U+2028 ends a line for some readers.
                    boolean half = Character.isSurrogate(c) && !(Character.isHighSurrogate(c) && i + 1 < value.length() && Character.isLowSurrogate(value.charAt(i + 1)))
                            && !(Character.isLowSurrogate(c) && i > 0 && Character.isHighSurrogate(value.charAt(i - 1)));
                    if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029 || half) {
                        json.append(String.format("\\u%04x", (int) c));
                    } else {
                        json.append(c);
                    }
                }
            }
        }
        json.append('"');
    }
}
