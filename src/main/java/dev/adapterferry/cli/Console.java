package dev.adapterferry.cli;

import dev.adapterferry.progress.Progress;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the user sees: plain lines on standard output, and on a terminal one moving progress line on standard error.
 * Where standard error is no terminal, steps that take long print a line per tenth instead. Safe for many threads.
 */
public final class Console implements Progress {
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final long LINE_NANOS = 3_000_000_000L;
    private static final int BAR = 24;

    private final PrintStream out;
    private final PrintStream err;
    private final boolean quiet;
    private final boolean terminal;
    private final Map<String, Track> tracks = new ConcurrentHashMap<>();
    private long lastDraw;
    private boolean lineOpen;

    /** Where one activity began and which tenth was last told. */
    private static final class Track {
        final long startNanos = System.nanoTime();
        final long startDone;
        /** Tensors done, where the activity counts them beside bytes. */
        Step tensors;
        boolean bytes;
        int tenth = -1;
        long lastNanos = startNanos;

        Track(long startDone) {
            this.startDone = startDone;
        }
    }

    /**
     * @param out      receives results
     * @param err      receives progress and errors
     * @param quiet    no progress at all
     * @param terminal whether {@code err} is a terminal that can redraw a line
     */
    public Console(PrintStream out, PrintStream err, boolean quiet, boolean terminal) {
        this.out = out;
        this.err = err;
        this.quiet = quiet;
        this.terminal = terminal;
    }

    /**
     * The process's own streams. Whether errors go to a terminal the launcher tells, since Java knows of standard input and output
     * alone; a terminal that calls itself dumb gets plain lines too.
     */
    public static Console system(boolean quiet) {
        String told = System.getProperty("ferry.terminal");
        boolean terminal = told != null ? Boolean.parseBoolean(told) : System.console() != null && System.console().isTerminal();
        return new Console(System.out, System.err, quiet, terminal && !"dumb".equals(System.getenv("TERM")));
    }

    /** Prints one line of result. */
    public synchronized void println(String line) {
        clearLine();
        out.println(line);
        out.flush();
    }

    /** Passes text through as it is. */
    public synchronized void write(byte[] text, int length) {
        clearLine();
        out.write(text, 0, length);
        out.flush();
    }

    /** Prints one line for people, unless quiet: what is going on, not a result. */
    public synchronized void note(String line) {
        if (!quiet) {
            clearLine();
            err.println(line);
        }
    }

    /** Prints an error sentence. */
    public synchronized void error(String line) {
        clearLine();
        err.println(line);
    }

    @Override
    public synchronized void report(Step step) {
        if (quiet) {
            return;
        }
        Track track = tracks.computeIfAbsent(step.activity(), a -> new Track(step.done()));
        if (step.unit() == Unit.TENSORS && track.bytes) {
            track.tensors = step;
            return;
        }
        track.bytes |= step.unit() == Unit.BYTES;
        boolean finished = step.total() >= 0 && step.done() >= step.total();
        if (terminal) {
            long now = System.nanoTime();
            if (!finished && now - lastDraw < REDRAW_NANOS) {
                return;
            }
            lastDraw = now;
            err.print("\r\u001b[K" + line(step, track));
            lineOpen = true;
            if (finished) {
                err.println();
                lineOpen = false;
            }
        } else if (step.total() > 0) {
            int tenth = (int) (10 * step.done() / step.total());
            // A log wants to hear of what takes long, not of every file.
            if (tenth > track.tenth && System.nanoTime() - track.lastNanos > LINE_NANOS) {
                track.tenth = tenth;
                track.lastNanos = System.nanoTime();
                err.println("  " + line(step, track));
            }
        }
        if (finished) {
            tracks.remove(step.activity());
        }
    }

    private static String line(Step step, Track track) {
        double seconds = (System.nanoTime() - track.startNanos) / 1e9;
        double rate = seconds > 0.2 ? (step.done() - track.startDone) / seconds : 0;
        StringBuilder text = new StringBuilder();
        if (step.total() > 0) {
            double share = Math.min(1, (double) step.done() / step.total());
            int full = (int) (share * BAR);
            text.append('[').append("#".repeat(full)).append(".".repeat(BAR - full)).append("] ")
                    .append(String.format(Locale.ROOT, "%3d%% ", (int) (share * 100)));
        }
        text.append(step.activity()).append("  ").append(amount(step.done(), step.unit()));
        if (step.total() > 0) {
            text.append(" of ").append(amount(step.total(), step.unit()));
        }
        if (track.tensors != null && step.done() < step.total()) {
            text.append(", ").append(track.tensors.done()).append(" of ").append(amount(track.tensors.total(), Unit.TENSORS));
        }
        if (rate > 0 && step.done() < step.total()) {
            text.append(", ").append(amount((long) rate, step.unit())).append("/s, ").append(duration((long) ((step.total() - step.done()) / rate))).append(" left");
        }
        return text.toString();
    }

    private static String amount(long count, Unit unit) {
        return switch (unit) {
            case BYTES -> bytes(count);
            case TENSORS -> count + " tensors";
            case ITEMS -> Long.toString(count);
        };
    }

    /** Bytes for people, decimal units: 4.7 GB. */
    public static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        String[] units = {"kB", "MB", "GB", "TB", "PB"};
        double value = bytes;
        int unit = -1;
        while (value >= 999.95 && unit < units.length - 1) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, value < 10 ? "%.2f %s" : "%.1f %s", value, units[unit]);
    }

    /** Seconds for people: 42s, 3m10s, 2h05m. */
    public static String duration(long seconds) {
        if (seconds < 60) {
            return seconds + "s";
        }
        if (seconds < 3600) {
            return seconds / 60 + "m" + String.format(Locale.ROOT, "%02ds", seconds % 60);
        }
        return seconds / 3600 + "h" + String.format(Locale.ROOT, "%02dm", seconds % 3600 / 60);
    }

    private void clearLine() {
        if (lineOpen) {
            err.print("\r\u001b[K");
            lineOpen = false;
        }
    }
}
