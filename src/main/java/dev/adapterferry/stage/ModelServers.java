package dev.adapterferry.stage;

import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import java.util.Optional;

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

    /** The server for the release that a run deployed; the same one until {@link #release}. */
    default Serving serve(RunContext run, Facts.Deployed deployed) {
        return serve(run.id(), run.settings(), run.name(), deployed);
    }

    /**
     * The server for an installed release; the same one until {@link #release}.
     *
     * @param holder   who needs it
     * @param settings what may be started
     * @param model    the model's name
     * @param release  what is deployed of it; the embedded server loads its primary file, where no other answers
     * @throws dev.adapterferry.failure.FerryException when none answers and none may be started
     */
    Serving serve(String holder, Settings settings, String model, Facts.Deployed release);

    /** The embedded server with a file that need not be installed, whatever other servers answer; until {@link #release}. */
    Serving embed(String holder, Settings settings, ServedModel model);

    /** Why the server that was started for a holder died the last time, a sentence without its full stop; empty when it lives since it was started. */
    default Optional<String> death(String holder) {
        return Optional.empty();
    }

    /** Ends what was started for a holder. */
    void release(String holder);
}
