package dev.adapterferry.source;

/**
 * How far a training has come, as its output folder tells.
 *
 * @param kind     the verdict
 * @param step     optimizer steps done, -1 when unknown
 * @param maxSteps steps in all, -1 when unknown
 * @param why      the signs that led to the verdict, half a sentence
 */
public record TrainingState(Kind kind, long step, long maxSteps, String why) {
    /** The verdicts. */
    public enum Kind {
        /** The adapter is complete. */
        FINISHED,
        /** Something is still being written, or will be. */
        RUNNING,
        /** A sound adapter of a training that ended before its last step; a person has to accept it. */
        STOPPED_EARLY,
        /** A sound adapter, but no sign of how it came to be. */
        UNKNOWN
    }

    /** {@code step 120 of 450}, or empty when unknown. */
    public String progress() {
        return step < 0 ? "" : maxSteps > 0 ? "step " + step + " of " + maxSteps : "step " + step;
    }

    TrainingState as(Kind other, String reason) {
        return new TrainingState(other, step, maxSteps, reason);
    }
}
