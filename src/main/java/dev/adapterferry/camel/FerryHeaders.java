package dev.adapterferry.camel;

/** Names of the headers that travel with a run through the routes. */
public final class FerryHeaders {
    /** The run's id. */
    public static final String RUN = "FerryRun";
    /** The model's name. */
    public static final String MODEL = "FerryModel";
    /** The stage that is being run. */
    public static final String STAGE = "FerryStage";
    /** True when a request joined a run that was already under way. */
    public static final String JOINED = "FerryJoined";
    /** What an alert is about: an {@code AlertSettings.Event} in kebab-case. */
    public static final String ALERT = "FerryAlert";
    /** The inbox file that started a run. */
    public static final String FILE = "FerryFile";
    /** Name of the file that says why an inbox file was refused. */
    public static final String REASON_FILE = "FerryReasonFile";
    /** Why something is told. */
    public static final String REASON = "FerryReason";
    /** Where an adapter waits, in words. */
    public static final String SOURCE = "FerrySource";

    /** A probed model's health: {@code healthy}, {@code degraded} or {@code unhealthy}. */
    public static final String HEALTH = "FerryHealth";
    /** How that differs from the probe before: {@code none}, {@code worse} or {@code better}. */
    public static final String HEALTH_CHANGE = "FerryHealthChange";

    private FerryHeaders() { }
}
