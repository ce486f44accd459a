package dev.adapterferry.stage;

import dev.adapterferry.modelserver.Endpoint;

/** Finds the server that answers for a deployed model, or starts the embedded one. */
public interface ModelServers {
    /**
     * Where a model answers.
     *
     * @param endpoint the server
     * @param modelId  id to ask for
     * @param embedded whether it is the ferry's own server
     */
    record Serving(Endpoint endpoint, String modelId, boolean embedded) { }

    /**
     * The server for the release that a run deployed; the same one until {@link #release}.
     *
     * @throws dev.adapterferry.failure.FerryException when none answers and none may be started
     */
    Serving serve(RunContext run, Facts.Deployed deployed);

    /** Ends what was started for a run. */
    void release(String runId);
}
