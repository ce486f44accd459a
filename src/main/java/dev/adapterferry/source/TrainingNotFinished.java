package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;

/** The adapter is there or to come, but its training has not said that it is complete. The schedule looks again later. */
public class TrainingNotFinished extends FerryException {
    private static final long serialVersionUID = 1L;

    private final transient TrainingState state;

    TrainingNotFinished(String place, TrainingState state) {
        super(sentence(place, state));
        this.state = state;
    }

    private static String sentence(String place, TrainingState state) {
        String progress = state.progress().isEmpty() ? "" : " at " + state.progress();
        return switch (state.kind()) {
            case RUNNING -> "The training in " + place + " is still running" + progress + ": " + state.why() + ". It is left alone; try again later, or take it as it is with --accept-unfinished.";
            case STOPPED_EARLY -> "The training in " + place + " ended early" + progress + ": " + state.why() + ". If the adapter is wanted all the same, pull it with --accept-unfinished.";
            default -> "Cannot tell whether the training in " + place + " has finished" + progress + ": " + state.why() + ". If it has, pull it with --accept-unfinished.";
        };
    }

    /** What the folder told. */
    public TrainingState state() {
        return state;
    }
}
