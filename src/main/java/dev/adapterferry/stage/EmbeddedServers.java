package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;

/** Uses the server of the settings. */
public final class EmbeddedServers implements ModelServers {
    private final HttpCaller caller;

    /** @param caller asks whether a server answers */
    public EmbeddedServers(HttpCaller caller) {
        this.caller = caller;
    }

    @Override
    public Serving serve(RunContext run, Facts.Deployed deployed) {
        Endpoint endpoint = new Endpoint(run.model().endpoint(), run.settings().deploy().lmstudio().token().orElse(null), run.settings().health().timeout());
        if (!answers(caller, endpoint)) {
            throw new TransientFailure("No server answers at " + endpoint + " for " + run.name() + ". Start LM Studio's server, or set models." + run.name() + ".endpoint.");
        }
        return new Serving(endpoint, run.settings().deployName(run.name()), false);
    }

    @Override
    public void release(String runId) {
        // Nothing was started.
    }

    /** Whether an OpenAI-compatible server answers there. */
    public static boolean answers(HttpCaller caller, Endpoint endpoint) {
        try {
            new OpenAiClient(endpoint, caller).models();
            return true;
        } catch (FerryException e) {
            return false;
        }
    }
}
