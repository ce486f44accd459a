package dev.adapterferry.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.adapterferry.secret.Redaction;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.regex.Pattern;

/**
 * Lines in files: {@code <logs>/ferry-<day>.jsonl} gets every event, {@code <runs>/<run>/run.log} and {@code <runs>/<run>/<stage>.log}
 * those of a run. Each line is one write at the end of a file that is opened for it, so that several processes can write to one
 * file, and folders may be deleted at any time.
 */
final class LogFiles extends AppenderBase<ILoggingEvent> {
    static final String NAME = "files";
    static final Pattern DAILY = Pattern.compile("ferry-(\\d{4}-\\d{2}-\\d{2})\\.jsonl");

    /** Run ids and stage names become file names; anything else in the context is not followed. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}");

    private final Path logs;
    private final Path runs;
    private final Level least;

    LogFiles(Path logs, Path runs, Level least) {
        this.logs = logs;
        this.runs = runs;
        this.least = least;
        setName(NAME);
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (!event.getLevel().isGreaterOrEqual(least)) {
            return;
        }
        write(logs.resolve("ferry-" + LocalDate.ofInstant(event.getInstant(), ZoneOffset.UTC) + ".jsonl"), Lines.forMachines(event));
        String run = event.getMDCPropertyMap().get(LogContext.RUN);
        if (run != null && PLAIN.matcher(run).matches()) {
            String line = Lines.forPeople(event, true);
            write(runs.resolve(run).resolve("run.log"), line);
            String stage = event.getMDCPropertyMap().get(LogContext.STAGE);
            if (stage != null && PLAIN.matcher(stage).matches()) {
                write(runs.resolve(run).resolve(stage + ".log"), line);
            }
        }
    }

    private void write(Path file, String line) {
        byte[] bytes = (Redaction.redact(line) + "\n").getBytes(StandardCharsets.UTF_8);
        try {
            Files.createDirectories(file.getParent());
            try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
                out.write(bytes);
            }
        } catch (IOException e) {
            // A full disk must not end the work; logback reports its own troubles once on the console.
            addError("cannot write " + file, e);
        }
    }

    /** The day of a daily file, as the instant at which it ended. */
    static Instant end(String day) {
        return LocalDate.parse(day).plusDays(1).atStartOfDay(ZoneOffset.UTC).toInstant();
    }
}
