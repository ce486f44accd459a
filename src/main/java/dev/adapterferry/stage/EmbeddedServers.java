package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.serve.ModelServer;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.serve.ServerOptions;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.ServeSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Uses the server that the settings name; where none answers, or the settings want it so, starts the ferry's own server with
 * the deployed file and keeps it as long as the run needs it.
 */
public final class EmbeddedServers implements ModelServers {
    private final HttpCaller caller;
    private final Map<String, ModelServer> started = new ConcurrentHashMap<>();

    /** @param caller asks whether a server answers */
    public EmbeddedServers(HttpCaller caller) {
        this.caller = caller;
    }

    @Override
    public Serving serve(String holder, Settings settings, String model, Facts.Deployed release) {
        Endpoint endpoint = configured(settings, model);
        Use use = settings.serve().enabled();
        if (use != Use.ALWAYS && answers(caller, endpoint)) {
            return configured(settings, model, release);
        }
        if (use == Use.NEVER) {
            throw new TransientFailure("No server answers at " + endpoint + " for " + model + ". Start LM Studio's server, set models." + model
                    + ".endpoint, or let the ferry serve it (serve.enabled: auto).");
        }
        return embed(holder, settings, model, release.primaryFile().item().path());
    }

    @Override
    public Serving embed(String holder, Settings settings, String model, Path file) {
        String modelId = settings.deployName(model);
        ModelServer server = started.computeIfAbsent(holder, id -> start(settings, served(settings.model(model), modelId, file)));
        return new Serving(new Endpoint(server.address(), settings.serve().token().orElse(null), settings.health().timeout()), modelId, true);
    }

    /** The server that the settings name for a model. */
    static Endpoint configured(Settings settings, String model) {
        return new Endpoint(settings.model(model).endpoint(), settings.deploy().lmstudio().token().orElse(null), settings.health().timeout());
    }

    /** A release on the server that the settings name, under the id by which LM Studio knows it where one loaded it. */
    static Serving configured(Settings settings, String model, Facts.Deployed release) {
        return new Serving(configured(settings, model), release.modelId() == null ? settings.deployName(model) : release.modelId(), false);
    }

    private static ServedModel served(ModelSettings model, String id, Path file) {
        return new ServedModel(id, file, model.systemPrompt().isBlank() ? null : model.systemPrompt(), model.temperature(), model.contextLength());
    }

    /** A server on a free port of its own: the configured one belongs to {@code ferry serve}. */
    private static ModelServer start(Settings settings, ServedModel model) {
        ServeSettings serve = settings.serve();
        ServerOptions usual = ServerOptions.loopback();
        return ModelServer.start(new ServerOptions(usual.host(), 0, serve.token(), serve.threads(), usual.gpuLayers(), 1), List.of(model));
    }

    @Override
    public void release(String holder) {
        ModelServer server = started.remove(holder);
        if (server != null) {
            server.close();
        }
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

    /** One greedy answer of a file, through a server that lives as long as the question. */
    static String answer(Settings settings, HttpCaller caller, Path file, String question) {
        ServedModel model = new ServedModel(file.getFileName().toString(), file, null, 0.0, 0);
        try (ModelServer server = start(settings, model)) {
            Endpoint endpoint = new Endpoint(server.address(), settings.serve().token().orElse(null), settings.health().loadTimeout());
            return new OpenAiClient(endpoint, caller).ask(dev.adapterferry.modelserver.Question.greedy(model.name(), null, question, 64)).text();
        }
    }
}
