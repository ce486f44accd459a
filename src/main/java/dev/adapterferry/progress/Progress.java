package dev.adapterferry.progress;

/**
 * Hears how far a long step has come. Called from worker threads, possibly often: implementations are thread-safe,
 * return quickly and never throw.
 */
@FunctionalInterface
public interface Progress {
    /** Hears nothing. */
    Progress NONE = step -> { };

    /**
     * One report.
     *
     * @param step where the work stands
     */
    void report(Step step);

    /**
     * The same listener for work on one of several things at a time.
     *
     * @param thing put before each activity: {@code majora: pulling adapter_model.safetensors}
     */
    default Progress about(String thing) {
        return step -> report(new Step(thing + ": " + step.activity(), step.done(), step.total(), step.unit()));
    }

    /**
     * Where a step stands.
     *
     * @param activity what is being done, as a user would say it: "pulling adapter_model.safetensors"
     * @param done     units done so far
     * @param total    units in all, or -1 when unknown
     * @param unit     what is counted
     */
    record Step(String activity, long done, long total, Unit unit) { }

    /** What a step counts. */
    enum Unit { BYTES, TENSORS, ITEMS }
}
