package dev.adapterferry.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.core.Appender;
import ch.qos.logback.classic.spi.ILoggingEvent;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.settings.LogSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.stream.Stream;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/** The logs of this process, once the settings are known. */
public final class Logs {
    private Logs() { }

    /**
     * Sends lines where the settings say. Calling it again replaces what was said before. With a logback configuration of the
     * user's own, it does nothing.
     *
     * @param settings section {@code log}
     * @param runs     folder of the runs' folders
     * @param verbose  show everything on the terminal, stack traces included
     */
    public static void open(LogSettings settings, Path runs, boolean verbose) {
        ILoggerFactory factory = LoggerFactory.getILoggerFactory();
        if (!(factory instanceof LoggerContext context) || System.getProperty("logback.configurationFile") != null) {
            return;
        }
        Level file = level(settings.level());
        Level console = verbose ? Level.DEBUG : level(settings.console());
        replace(context, new Console(console), Console.NAME);
        replace(context, new LogFiles(settings.path(), runs, file), LogFiles.NAME);

        Level least = file.isGreaterOrEqual(console) ? console : file;
        context.getLogger("dev.adapterferry").setLevel(least);
        // Libraries are read at one level above our own: their debugging drowns everything else.
        context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(least.isGreaterOrEqual(Level.INFO) ? least : least == Level.DEBUG ? Level.INFO : Level.DEBUG);
        // A rollback by HTTP may load a model for minutes; the HTTP server would print a stack trace for each second beyond the first sixty.
        context.getLogger("io.vertx.core.impl.BlockedThreadChecker").setLevel(Level.ERROR);
    }

    private static void replace(LoggerContext context, Appender<ILoggingEvent> appender, String name) {
        Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        root.detachAppender(name);
        appender.setContext(context);
        appender.start();
        root.addAppender(appender);
    }

    private static Level level(LogSettings.Level level) {
        return Level.toLevel(level.name());
    }

    /**
     * Deletes daily logs that ended before a time.
     *
     * @return the deleted files
     */
    public static List<Path> forget(Path logs, Instant before) {
        List<Path> gone = new ArrayList<>();
        if (!Files.isDirectory(logs)) {
            return gone;
        }
        try (Stream<Path> files = Files.list(logs)) {
            for (Path file : files.sorted().toList()) {
                Matcher daily = LogFiles.DAILY.matcher(file.getFileName().toString());
                if (daily.matches() && LogFiles.end(daily.group(1)).isBefore(before) && Files.deleteIfExists(file)) {
                    gone.add(file);
                }
            }
        } catch (IOException e) {
            throw new FerryException("Cannot clear old logs in " + logs + ": " + Durable.reason(e) + ".", e);
        }
        return gone;
    }
}
