package dev.adapterferry.settings;

import java.nio.file.Path;

/** What is written down as it happens: section {@code log}. */
public record LogSettings(
        @Setting(value = "Folder of the structured logs.", def = "logs", restart = true, root = Setting.Root.HOME) Path path,
        @Setting(value = "Least level in the log files.", def = "info") Level level,
        @Setting(value = "Least level on the terminal; `--verbose` shows all.", def = "warn") Level console) {

    /** Least level that is written. */
    public enum Level { TRACE, DEBUG, INFO, WARN, ERROR, OFF }
}
