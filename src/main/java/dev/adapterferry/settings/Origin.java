package dev.adapterferry.settings;

import java.nio.file.Path;

/**
 * Where a value came from.
 *
 * @param kind   the layer
 * @param detail what the layer calls the place, for example {@code config/ferry.yaml, line 12}
 */
public record Origin(Kind kind, String detail) {
    /** The built-in default. */
    static final Origin DEFAULT = new Origin(Kind.DEFAULT, "default");

    /** The layers, weakest first. */
    public enum Kind { DEFAULT, FILE, ENVIRONMENT, COMMAND_LINE }

    static Origin line(Path file, int line) {
        return new Origin(Kind.FILE, file + ", line " + line);
    }

    static Origin variable(String name) {
        return new Origin(Kind.ENVIRONMENT, "environment variable " + name);
    }

    static Origin option(String key) {
        return new Origin(Kind.COMMAND_LINE, "command line (" + key + ")");
    }

    @Override
    public String toString() {
        return detail;
    }
}
