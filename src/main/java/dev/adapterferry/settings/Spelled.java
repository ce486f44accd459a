package dev.adapterferry.settings;

/** An enum whose constants are not spelt in kebab-case. */
interface Spelled {
    /** The spelling in files and messages. */
    String text();
}
