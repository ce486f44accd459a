package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.serve.ServerOptions;
import dev.adapterferry.serve.SupervisedServer;
import dev.adapterferry.settings.ServeSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Uses the server that the settings name; where none answers that knows the model, or the settings want it so, starts the ferry's
 * own server with the deployed file, in a process of its own, and keeps it as long as the run needs it.
 */
public final class EmbeddedServers implements ModelServers {
    private final HttpCaller caller;
    private final Map<String, Embedded> started = new ConcurrentHashMap<>();

    /** A server of ours and the token that it wants. */
    private record Embedded(SupervisedServer server, Secret token) implements AutoCloseable {
        Endpoint endpoint() {
            return new Endpoint(server.address(), token, Duration.ofMinutes(1));
        }

        @Override
        public void close() {
            server.close();
        }
    }

    /** @param caller asks whether a server answers */
    public EmbeddedServers(HttpCaller caller) {
        this.caller = caller;
    }

    @Override
    public Serving serve(String holder, Settings settings, String model, Facts.Deployed release) {
        Endpoint endpoint = configured(settings, model);
        Use use = settings.serve().enabled();
        if (use != Use.ALWAYS && answers(caller, endpoint)) {
            Optional<Serving> known = known(settings, model, release);
            if (known.isPresent()) {
                return known.get();
            }
        }
        if (use == Use.NEVER) {
            throw new TransientFailure("No server answers at " + endpoint + " for " + model + ". Start LM Studio's server, set models." + model
                    + ".endpoint, or let the ferry serve it (serve.enabled: auto).");
        }
        return embed(holder, settings, served(Places.profile(settings, model, release.release()), settings.deployName(model), release.primaryFile().item().path()));
    }

    @Override
    public Serving embed(String holder, Settings settings, ServedModel model) {
        Embedded embedded = started.computeIfAbsent(holder, id -> start(settings, List.of(model)));
        // One that died too often stays dead for this holder, and says why.
        embedded.server().check();
        return new Serving(embedded.endpoint().within(settings.health().timeout()), model.name(), true);
    }

    @Override
    public Optional<String> death(String holder) {
        return Optional.ofNullable(started.get(holder)).map(embedded -> embedded.server().lastDeath());
    }

    /**
     * The release on the server that answers where the settings say, unless that server is nobody's choice and does not know the
     * model: some other program on LM Studio's port.
     */
    private Optional<Serving> known(Settings settings, String model, Facts.Deployed release) {
        Endpoint endpoint = configured(settings, model);
        String name = settings.deployName(model);
        boolean chosen = release.modelId() != null || settings.serve().enabled() == Use.NEVER || !settings.model(model).endpoint().equals(settings.deploy().lmstudio().apiUrl());
        // LM Studio may put the publisher before the name, Ollama a tag behind it.
        Optional<String> listed = new OpenAiClient(endpoint, caller).models().stream()
                .filter(id -> id.equalsIgnoreCase(name) || id.toLowerCase(Locale.ROOT).endsWith("/" + name.toLowerCase(Locale.ROOT)) || id.equalsIgnoreCase(name + ":latest")).findFirst();
        if (release.modelId() == null && listed.isPresent()) {
            return Optional.of(new Serving(endpoint, listed.get(), false));
        }
        return chosen ? Optional.of(configured(settings, model, release)) : Optional.empty();
    }

    /** The server that the settings name for a model. */
    static Endpoint configured(Settings settings, String model) {
        return new Endpoint(settings.model(model).endpoint(), settings.deploy().lmstudio().token().orElse(null), settings.health().timeout());
    }

    /** A release on the server that the settings name, under the id by which LM Studio knows it where one loaded it. */
    static Serving configured(Settings settings, String model, Facts.Deployed release) {
        return new Serving(configured(settings, model), release.modelId() == null ? settings.deployName(model) : release.modelId(), false);
    }

    static ServedModel served(ModelProfile profile, String id, Path file) {
        return new ServedModel(id, file, profile.system().isBlank() ? null : profile.system(), profile.temperature(), profile.context());
    }

    /** A server on a free loopback port and with a token of its own: the configured ones belong to {@code ferry serve}. */
    private static Embedded start(Settings settings, List<ServedModel> models) {
        ServeSettings serve = settings.serve();
        ServerOptions usual = ServerOptions.loopback();
        Secret token = new Secret(UUID.randomUUID().toString());
        ServerOptions options = new ServerOptions(usual.host(), 0, Optional.of(token), serve.threads(), usual.gpuLayers(), models.size());
        return new Embedded(SupervisedServer.start(options, models, settings.health().loadTimeout(), settings.log().path()), token);
    }

    @Override
    public void release(String holder) {
        Embedded server = started.remove(holder);
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

    /** One greedy answer of each file to a question, by a server that lives as long as the questions. */
    static List<String> answers(Settings settings, HttpCaller caller, List<Path> files, String question) {
        List<ServedModel> models = new ArrayList<>();
        files.forEach(file -> models.add(new ServedModel("model-" + models.size(), file, null, 0.0, 0)));
        try (Embedded server = start(settings, models)) {
            OpenAiClient client = new OpenAiClient(server.endpoint().within(settings.health().loadTimeout()), caller);
            return models.stream().map(model -> client.ask(Question.greedy(model.name(), null, question, 64)).text()).toList();
        }
    }
}
