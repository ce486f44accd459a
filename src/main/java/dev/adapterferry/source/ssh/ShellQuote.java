package dev.adapterferry.source.ssh;

/** Quoting for POSIX shells. */
public final class ShellQuote {
    private ShellQuote() { }

    /**
     * Quotes a word so that any POSIX shell takes it literally: in single quotes, each single quote inside written as
     * {@code '\''} (POSIX.1-2017, Shell Command Language, 2.2.2).
     *
     * @param word any text without NUL
     * @throws IllegalArgumentException for NUL, which no shell word can hold
     */
    public static String quote(String word) {
        if (word.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a shell word cannot hold NUL");
        }
        return "'" + word.replace("'", "'\\''") + "'";
    }

    /**
     * Quotes a path so that a command cannot take it for an option: a leading dash gets {@code ./} before it.
     *
     * @param path a path on the far side
     */
    public static String path(String path) {
        return quote(path.startsWith("-") ? "./" + path : path);
    }
}
