package dev.adapterferry.stage;

import dev.adapterferry.deploy.Deployment;
import dev.adapterferry.deploy.FolderTarget;
import dev.adapterferry.deploy.Installation;
import dev.adapterferry.deploy.LmStudioDefaults;
import dev.adapterferry.deploy.LmStudioHome;
import dev.adapterferry.deploy.LmStudioServer;
import dev.adapterferry.deploy.ModelFolder;
import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.OllamaTarget;
import dev.adapterferry.deploy.Placement;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.deploy.RemoteTarget;
import dev.adapterferry.deploy.Target;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.DeploySettings;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** From the settings to the places that one model is deployed to: models directory, LM Studio, further targets. */
final class Places implements AutoCloseable {
    private static final Duration INDEX = Duration.ofMinutes(1);
    private static final Duration POLL = Duration.ofMillis(500);

    private final Settings settings;
    private final String model;
    private final ReleaseStore store;
    private final HttpCaller http;
    private final Progress progress;
    private final Cancellation cancellation;
    private SftpFolder remote;

    Places(Settings settings, String model, ReleaseStore store, HttpCaller http, Progress progress, Cancellation cancellation) {
        this.settings = settings;
        this.model = model;
        this.store = store;
        this.http = http;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /** How the settings want a model to be run. */
    static ModelProfile profile(Settings settings, String name) {
        ModelSettings model = settings.model(name);
        return new ModelProfile(name, model.publisher(), settings.deployName(name), model.primaryFormat().map(f -> f.text()).orElse(""), model.contextLength(), model.temperature(), model.systemPrompt());
    }

    /** How a deployed release wants to be run: as it was deployed, whatever the settings say by now. */
    static ModelProfile profile(Settings settings, String name, int release) {
        ReleaseStore kept = new ReleaseStore(settings.deploy().releases());
        return kept.has(name, release) ? profile(settings, name).asOf(kept.get(name, release)) : profile(settings, name);
    }

    /** What a further target is, in words that change when the settings of the targets do. */
    static String names(Settings settings) {
        DeploySettings deploy = settings.deploy();
        return (deploy.ollama().enabled() ? "ollama " + deploy.ollama().apiUrl() : "") + deploy.folder().map(f -> " folder " + f).orElse("") + deploy.ssh().map(s -> " ssh " + s).orElse("");
    }

    /** @param listener hears of every release that was switched in, before it is loaded */
    Deployment deployment(Deployment.Listener listener) {
        ModelFolder folder = ModelsFolder.make(settings, model);
        Optional<LmStudioServer> server = ModelsFolder.isLmStudios(settings) ? lmStudio() : Optional.empty();
        boolean load = settings.deploy().lmstudio().load();
        // What is not to be loaded is let go of all the same: a loaded file that is replaced would stay in use.
        Runnable unload = load ? () -> { } : () -> server.ifPresent(lmStudio -> lmStudio.unload(folder));
        return new Deployment(folder.models(), store, options(unload), load ? server : Optional.empty(), targets(),
                settings.deploy().onFailure() == DeploySettings.OnFailure.ROLLBACK, listener);
    }

    private Installation.Options options(Runnable beforeSwitch) {
        DeploySettings deploy = settings.deploy();
        return new Installation.Options(way(deploy), deploy.keep(), beforeSwitch, Installation.Options.of(1).freeBytes(), Clock.systemUTC(), progress, cancellation);
    }

    private Optional<LmStudioServer> lmStudio() {
        Endpoint endpoint = new Endpoint(settings.model(model).endpoint(), settings.deploy().lmstudio().token().orElse(null), settings.health().timeout());
        return LmStudioServer.find(endpoint, home().command(), http, new LmStudioServer.Timing(settings.health().loadTimeout(), INDEX, POLL));
    }

    private static LmStudioHome home() {
        return LmStudioHome.find(Path.of(System.getProperty("user.home")));
    }

    private List<Target> targets() {
        DeploySettings deploy = settings.deploy();
        List<Target> targets = new ArrayList<>();
        // Another LM Studio than this user's may read the models directory; its own folder is then unknown.
        if (deploy.lmstudio().defaults() && ModelsFolder.isLmStudios(settings) && ModelsFolder.directory(settings).equals(home().modelsDirectory())) {
            targets.add(new LmStudioDefaults(home()));
        }
        if (deploy.ollama().enabled()) {
            targets.add(new OllamaTarget(deploy.ollama().apiUrl(), http, settings.health().loadTimeout(), null));
        }
        deploy.folder().filter(folder -> !folder.toAbsolutePath().normalize().equals(ModelsFolder.directory(settings).toAbsolutePath().normalize()))
                .ifPresent(folder -> targets.add(new FolderTarget(folder, way(deploy), progress, cancellation)));
        deploy.ssh().ifPresent(address -> {
            remote = new SftpFolder(address, AdapterSources.login(settings), progress, cancellation);
            targets.add(new RemoteTarget(remote));
        });
        return targets;
    }

    private static Placement.Way way(DeploySettings deploy) {
        return switch (deploy.link()) {
            case HARD -> Placement.Way.AUTO;
            case COPY -> Placement.Way.COPY;
            case REFLINK -> Placement.Way.REFLINK;
        };
    }

    @Override
    public void close() {
        if (remote != null) {
            remote.close();
        }
    }
}
