package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.deploy.ActiveRelease;
import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.ClientCode;
import dev.adapterferry.deploy.Deployment;
import dev.adapterferry.deploy.Installation;
import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Lease;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Locks;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * The way of a model's releases into use and back: what is done with files, servers and targets, and what is written down of it
 * in the ledger. Short-lived; made anew for each act.
 */
public final class ReleaseDesk {
    private final Settings settings;
    private final Ledger ledger;
    private final HttpCaller http;
    private final Progress progress;
    private final Cancellation cancellation;
    private final ReleaseStore store;

    /**
     * @param settings     where releases go
     * @param ledger       is told of every release
     * @param http         sends the small requests
     * @param progress     hears of copied and hashed bytes
     * @param cancellation asked until the switch begins
     */
    public ReleaseDesk(Settings settings, Ledger ledger, HttpCaller http, Progress progress, Cancellation cancellation) {
        this.settings = settings;
        this.ledger = ledger;
        this.http = http;
        this.progress = progress;
        this.cancellation = cancellation;
        this.store = new ReleaseStore(settings.deploy().releases());
    }

    static ReleaseDesk of(RunContext run, Ledger ledger, HttpCaller http) {
        return new ReleaseDesk(run.settings(), ledger, http, run.progress(), run.cancellation());
    }

    /**
     * What is in use now.
     *
     * @param deployed the release and how LM Studio loaded it
     * @param clients  folder of the client programs, if they are written
     */
    public record InUse(Deployment.Deployed deployed, Optional<Path> clients) { }

    /** The kept releases. */
    public ReleaseStore store() {
        return store;
    }

    /**
     * Deploys files as the model's next release.
     *
     * @param candidate the files
     * @param run       run that made them
     * @param anew      make a new release even when these very files are installed already
     * @param announcer tells of a release that could not be loaded and was taken back
     */
    InUse deploy(Candidate candidate, String run, boolean anew, Announcer announcer) {
        String model = candidate.model();
        ModelProfile profile = Places.profile(settings, model);
        try (Places places = places(model)) {
            Deployment deployment = places.deployment(new Deployment.Listener() {
                @Override
                public void switchedIn(Release release) {
                    settle(model, ReleaseState.FAILED, run);
                }

                @Override
                public void tookBack(Release release, OptionalInt now, String reason) {
                    settle(model, ReleaseState.FAILED, run);
                    ledger.events().add(run, model, "rolled-back", "release " + release.number() + " was taken back; " + Fallback.inPlace(now) + ". " + reason, null);
                    announcer.announce(Alert.rolledBack(model, run, release.number(), now.orElse(0), reason));
                }
            });
            try {
                Optional<Deployment.Deployed> same = anew ? Optional.empty() : deployment.redeploy(candidate, profile);
                return inUse(same.isPresent() ? same.get() : deployment.deploy(candidate, profile), run);
            } finally {
                settle(model, ReleaseState.FAILED, run);
            }
        }
    }

    /**
     * Goes back to an older release, in the name of a user: one such act per model, and none while a run carries it.
     *
     * @param model the model
     * @param to    number of a kept release, or empty for the one that was active before
     * @throws TransientFailure when another process carries or deploys the model just now
     */
    public InUse rollback(String model, OptionalInt to) {
        settings.model(model);
        return alone(model, "roll back", () -> restore(model, to, null, "on demand"));
    }

    /** The same for who has the model's lock. */
    InUse restore(String model, OptionalInt to, String run, String why) {
        try (Places places = places(model)) {
            int before = store.active(model).map(ActiveRelease::number).orElse(0);
            Deployment.Deployed back = places.deployment(release -> settle(model, ReleaseState.ROLLED_BACK, null)).rollback(Places.profile(settings, model), to);
            InUse inUse = inUse(back, null);
            ledger.events().add(run, model, "rolled-back", "release " + before + " was replaced by release " + back.release().number() + " " + why, null);
            return inUse;
        }
    }

    /**
     * Puts another format of the installed release into use: a new release of the same files, by hard links where the file
     * system has them. For who has the model's lock.
     *
     * @param model  the model
     * @param format one of the release's formats
     * @param run    run that does it, or null
     */
    InUse use(String model, String format, String run) {
        try (Places places = places(model)) {
            Release now = store.active(model).map(active -> store.get(model, active.number())).orElseThrow(() -> new FerryException("Nothing of " + model + " is deployed."));
            Release.File file = now.files().stream().filter(f -> f.format().equalsIgnoreCase(format)).findFirst()
                    .orElseThrow(() -> new FerryException("Release " + now.number() + " of " + model + " has no " + format + "."));
            Path kept = store.directory(model, now.number());
            Candidate same = new Candidate(model, now.files().stream().map(f -> new Candidate.Item(kept.resolve(f.name()), f.name(), f.format(), f.sha256())).toList(), now.identity());
            Deployment.Deployed deployed = places.deployment(release -> settle(model, ReleaseState.FAILED, run)).deploy(same, Places.profile(settings, model).asOf(now).withPrimary(file.format()));
            settle(model, ReleaseState.FAILED, run);
            ledger.events().add(run, model, "promoted", file.format() + " of release " + now.number() + " is in use now, as release " + deployed.release().number(), null);
            return inUse(deployed, run);
        }
    }

    /** An act in the name of a user, under the model's lock. */
    <T> T alone(String model, String what, Supplier<T> act) {
        try (Lease held = ledger.locks().tryAcquire(Runs.lock(model), null, cancellation).orElseThrow(() -> new TransientFailure("Cannot " + what + " " + model + ": "
                + ledger.locks().holder(Runs.lock(model)).map(Locks.Holder::toString).orElse("another process")
                + " is carrying it just now. Wait until that has ended (ferry status shows it), or cancel that run."))) {
            return act.get();
        }
    }

    /**
     * Takes back a release that did not hold.
     *
     * @param model  the model
     * @param number the release; nothing happens when another is installed by now
     * @return what is in use afterwards, empty for nothing
     */
    Optional<InUse> takeBack(String model, int number) {
        try (Places places = places(model)) {
            Optional<Deployment.Deployed> back = places.deployment(release -> { }).takeBack(Places.profile(settings, model), number);
            settle(model, ReleaseState.FAILED, null);
            return back.map(deployed -> inUse(deployed, null));
        }
    }

    /** Finishes what a killed deployment left, and writes down what came of it. Belongs at every start. */
    public void recover() {
        if (store.models().isEmpty()) {
            return;
        }
        new Deployment(ModelsFolder.directory(settings), store, Installation.Options.of(settings.deploy().keep()), Optional.empty(), List.of(), false, release -> { }).recover().stream()
                .filter(settings.models()::containsKey).forEach(model -> settle(model, ReleaseState.FAILED, null));
    }

    private Places places(String model) {
        return new Places(settings, model, store, http, progress, cancellation);
    }

    /** Makes the ledger say what is installed; the release that was active before, if it is another, is left in the given state. */
    private void settle(String model, ReleaseState reason, String run) {
        int now = store.active(model).map(ActiveRelease::number).orElse(0);
        Optional<ReleaseEntry> active = ledger.releases().active(model);
        // Going forward retires the older release; only going back says something about the newer one.
        if (active.isPresent() && active.get().number() > now) {
            ledger.releases().tookBack(model, active.get().number(), reason, now);
        }
        if (now > 0) {
            write(store.get(model, now), run, active.filter(entry -> entry.number() == now).map(entry -> ReleaseSettings.of(entry).modelId()).orElse(null));
        }
        store.settle(model);
    }

    private void write(Release release, String run, String modelId) {
        Path folder = Path.of(store.active(release.model()).orElseThrow().folder());
        List<ReleaseEntry.File> files = release.files().stream().map(f -> new ReleaseEntry.File(f.format(), folder.resolve(f.name()).toString(), f.bytes(), f.sha256())).toList();
        Optional<ReleaseEntry> known = ledger.releases().of(release.model()).stream().filter(entry -> entry.number() == release.number()).findFirst();
        ModelProfile profile = Places.profile(settings, release.model()).asOf(release);
        ledger.releases().installed(release.model(), release.number(), files, ReleaseSettings.of(profile, modelId).json(), release.identity().get("adapter"), release.identity().get("base"),
                known.flatMap(ReleaseEntry::run).orElse(run == null ? release.identity().get("run") : run));
    }

    /** The last touches: under which id the server knows it, and programs that ask for it. */
    private InUse inUse(Deployment.Deployed deployed, String run) {
        Release release = deployed.release();
        ModelProfile profile = Places.profile(settings, release.model()).asOf(release);
        String id = deployed.loaded().map(loaded -> loaded.modelId()).orElse(null);
        write(release, run, id);
        ModelUse use = ModelUse.of(deployed.primary());
        // Where no server answers with such a model there is nothing to ask.
        if (!settings.deploy().clients() || !use.served()) {
            return new InUse(deployed, Optional.empty());
        }
        Path clients = settings.home().resolve("clients").resolve(release.model());
        boolean elsewhere = id != null || !settings.model(release.model()).endpoint().equals(settings.deploy().lmstudio().apiUrl());
        URI endpoint = elsewhere ? settings.model(release.model()).endpoint() : URI.create("http://" + settings.serve().host() + ":" + settings.serve().port());
        new ClientCode(endpoint).write(clients, profile, id == null ? settings.deployName(release.model()) : id, use);
        return new InUse(deployed, Optional.of(clients));
    }
}
