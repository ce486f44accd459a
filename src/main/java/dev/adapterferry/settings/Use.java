package dev.adapterferry.settings;

/** Whether an optional part is used. */
public enum Use {
    /** When it is there: the program runs, the key is known. */
    AUTO,
    /** In any case; its absence is an error. */
    ALWAYS,
    /** Not at all. */
    NEVER
}
