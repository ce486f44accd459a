package dev.adapterferry.camel;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;

/** Route files that cannot be taken: which one, where in it, and why. Nothing of them is in force then. */
public final class BrokenRoutes extends SettingsException {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final int line;
    private final String reason;

    /**
     * @param file   the file at fault
     * @param line   its line, counted from 1; 0 when no line can be named
     * @param reason what is wrong, without the place
     * @param cause  the technical reason, or null
     */
    BrokenRoutes(Path file, int line, String reason, Throwable cause) {
        super(file + (line > 0 ? ":" + line : "") + ": " + reason, cause);
        this.file = file.toString();
        this.line = line;
        this.reason = reason;
    }

    /** The file at fault. */
    public Path file() {
        return Path.of(file);
    }

    /** The line, 0 when no line can be named. */
    public int line() {
        return line;
    }

    /** What is wrong, without the place. */
    public String reason() {
        return reason;
    }
}
