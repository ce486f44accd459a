package dev.adapterferry.settings;

/** The stages of a run, in their order. */
public enum Stage {
    DOWNLOAD, MERGE, QUANTIZE, DEPLOY, HEALTH_CHECK, EVALUATE;

    /** The name in settings, tables and messages: {@code health-check}. */
    public String text() {
        return Names.kebab(name());
    }
}
