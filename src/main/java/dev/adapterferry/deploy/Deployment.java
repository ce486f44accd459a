package dev.adapterferry.deploy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.gguf.GgufCheck;
import dev.adapterferry.gguf.ModelUse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model's way into use and back: the models directory first, as a transaction; then LM Studio loads it and the further
 * targets get it. What fails after the switch takes the switch back.
 */
public final class Deployment {
    private static final Logger LOG = LoggerFactory.getLogger(Deployment.class);

    private final Path models;
    private final ReleaseStore store;
    private final Installation.Options options;
    private final Optional<LmStudioServer> server;
    private final List<Target> targets;
    private final boolean takeBack;
    private final Listener listener;

    /**
     * @param models   models directory
     * @param store    kept releases, outside of it
     * @param options  how to install; its {@code beforeSwitch} is run after LM Studio has unloaded the model
     * @param server   the running LM Studio that is to load the model, if any
     * @param targets  further places
     * @param takeBack whether a deployment that fails after the switch goes back to the former release
     * @param listener hears of every release that was switched in and of what was taken back
     */
    public Deployment(Path models, ReleaseStore store, Installation.Options options, Optional<LmStudioServer> server, List<Target> targets, boolean takeBack,
            Listener listener) {
        this.models = models;
        this.store = store;
        this.options = options;
        this.server = server;
        this.targets = List.copyOf(targets);
        this.takeBack = takeBack;
        this.listener = listener;
    }

    /** Hears of the switches of a deployment. */
    @FunctionalInterface
    public interface Listener {
        /** A release was switched in; it is not loaded yet. */
        void switchedIn(Release release);

        /**
         * A release could not be brought into use and was taken back.
         *
         * @param release the release
         * @param now     number of the release that is in use again, empty for none
         * @param reason  why, one or more sentences
         */
        default void tookBack(Release release, OptionalInt now, String reason) { }
    }

    /**
     * What is deployed now.
     *
     * @param release  the release
     * @param files    its files in the models directory
     * @param primary  the one that is loaded, probed and evaluated
     * @param previous the release that was installed before
     * @param loaded   what LM Studio loaded; empty when no LM Studio was asked
     */
    public record Deployed(Release release, List<Path> files, Path primary, OptionalInt previous, Optional<LmStudioServer.Loaded> loaded) { }

    /**
     * Deploys a candidate as the next release.
     *
     * @throws dev.adapterferry.failure.MalformedFile when a file is no whole GGUF; nothing was touched
     * @throws FerryException                          when it cannot be installed, loaded or put to a target; the former release is back
     */
    public Deployed deploy(Candidate candidate, ModelProfile profile) {
        candidate.files().forEach(item -> GgufCheck.part(item.file()));
        targets.forEach(Target::check);
        try (ModelLock lock = lock(profile)) {
            Installation.Installed installed = installation(profile).install(candidate.with(profile.settings()));
            listener.switchedIn(installed.release());
            try {
                return bringIntoUse(installed, profile);
            } catch (Cancelled e) {
                throw e;
            } catch (FerryException e) {
                // Asked to stop, it goes on from here the next time; a connection that was closed for it is no failure.
                options.cancellation().check("deploy " + profile.model());
                if (!takeBack) {
                    throw e;
                }
                throw afterwards(e, profile, installed.release());
            }
        }
    }

    /**
     * The installed release when it is this very candidate: a process that was killed after the switch has done it already.
     * It is put in its place and loaded again.
     */
    public Optional<Deployed> redeploy(Candidate candidate, ModelProfile profile) {
        targets.forEach(Target::check);
        try (ModelLock lock = lock(profile)) {
            installation(profile).recover(profile.model());
            Optional<Release> same = store.active(profile.model()).map(active -> store.get(profile.model(), active.number()))
                    .filter(candidate::isSameAs).filter(release -> release.identity().entrySet().containsAll(profile.settings().entrySet()));
            return same.map(release -> {
                Installation.Installed again = installation(profile).restore(profile.model(), release.number());
                return bringIntoUse(new Installation.Installed(release, again.files(), store.previous(profile.model())), profile);
            });
        }
    }

    /**
     * Goes back to an older release.
     *
     * @param profile the model
     * @param to      number of a kept release, or empty for the one that was active before
     */
    public Deployed rollback(ModelProfile profile, OptionalInt to) {
        OptionalInt number = to.isPresent() ? to : store.previous(profile.model());
        if (number.isEmpty()) {
            throw new FerryException("Cannot roll back " + profile.model() + ": no earlier release is kept. Kept releases: " + store.releases(profile.model()).stream().map(Release::number).toList() + ".");
        }
        targets.forEach(Target::check);
        try (ModelLock lock = lock(profile)) {
            ModelProfile kept = profile.asOf(store.get(profile.model(), number.getAsInt()));
            Installation.Installed installed = installation(kept).restore(profile.model(), number.getAsInt());
            listener.switchedIn(installed.release());
            return bringBackIntoUse(installed, kept);
        }
    }

    /**
     * Takes back a release that did not hold (its health check or its evaluation failed): the one before is installed and
     * loaded again, or nothing when there was none.
     *
     * @param profile the model
     * @param number  the release to take back; nothing happens when another is installed by now
     * @return what is deployed afterwards
     */
    public Optional<Deployed> takeBack(ModelProfile profile, int number) {
        Optional<ActiveRelease> active = store.active(profile.model());
        if (active.isEmpty() || active.get().number() != number) {
            return Optional.empty();
        }
        if (store.previous(profile.model()).isPresent()) {
            return Optional.of(rollback(profile, OptionalInt.empty()));
        }
        try (ModelLock lock = lock(profile)) {
            installation(profile).remove(profile.model());
            targets.forEach(target -> target.remove(profile));
        }
        return Optional.empty();
    }

    /**
     * Finishes what a killed deployment of any model left. Belongs at every start; costs milliseconds when there is nothing.
     *
     * @return models whose switch was finished, or was done without the ledger's knowing
     */
    public List<String> recover() {
        List<String> finished = new ArrayList<>();
        for (String model : store.models()) {
            // The folder of the newest release is where leftovers can be; an unfinished switch knows its own.
            List<Release> releases = store.releases(model);
            Release last = releases.isEmpty() ? null : releases.getLast();
            ModelFolder folder = last == null ? new ModelFolder(models, "none", model) : new ModelFolder(models, last.publisher(), last.folder());
            if (new Installation(folder, store, options).recover(model)) {
                finished.add(model);
            }
        }
        return finished;
    }

    private Deployed bringIntoUse(Installation.Installed installed, ModelProfile profile) {
        Release release = installed.release();
        targets.forEach(target -> put(target, release, profile));
        return loaded(installed, profile);
    }

    /** The same for a release that comes back: a target that cannot be reached does not keep the others, and LM Studio, from having it again. */
    private Deployed bringBackIntoUse(Installation.Installed installed, ModelProfile profile) {
        FerryException failure = null;
        for (Target target : targets) {
            try {
                put(target, installed.release(), profile);
            } catch (Cancelled e) {
                throw e;
            } catch (FerryException e) {
                failure = failure == null ? e : failure;
            }
        }
        Deployed deployed = loaded(installed, profile);
        if (failure != null) {
            throw failure;
        }
        return deployed;
    }

    private void put(Target target, Release release, ModelProfile profile) {
        target.put(release, store.directory(release.model(), release.number()), profile);
        LOG.info("Release {} of {} is at {}", release.number(), release.model(), target.name());
    }

    private Deployed loaded(Installation.Installed installed, ModelProfile profile) {
        Release.File primary = profile.primaryOf(installed.release());
        Path file = folder(profile).path().resolve(primary.name());
        // LM Studio breaks over a model of encoder and decoder, and gets nonsense of one that fills in tokens; other programs find the file where it is.
        Optional<LmStudioServer.Loaded> loaded = server.filter(lmStudio -> ModelUse.of(file).served()).map(lmStudio -> lmStudio.load(folder(profile), primary, profile.context()));
        return new Deployed(installed.release(), installed.files(), file, installed.previous(), loaded);
    }

    private FerryException afterwards(FerryException failure, ModelProfile profile, Release release) {
        int number = release.number();
        try {
            Optional<Deployed> back = takeBack(profile, number);
            listener.tookBack(release, back.map(deployed -> OptionalInt.of(deployed.release().number())).orElse(OptionalInt.empty()), failure.getMessage());
            String sentence = failure.getMessage() + " " + back.map(deployed -> "Release " + deployed.release().number() + " of " + profile.model() + " is back.")
                    .orElse("Release " + number + " of " + profile.model() + " was taken out again.");
            return failure instanceof TransientFailure ? new TransientFailure(sentence, failure) : new FerryException(sentence, failure);
        } catch (Cancelled e) {
            return e;
        } catch (FerryException second) {
            failure.addSuppressed(second);
            return new FerryException(failure.getMessage() + " Going back failed as well: " + second.getMessage(), failure);
        }
    }

    private ModelLock lock(ModelProfile profile) {
        return ModelLock.hold(store.home(profile.model()), ModelLock.PATIENCE);
    }

    private ModelFolder folder(ModelProfile profile) {
        return new ModelFolder(models, profile.publisher(), profile.folder());
    }

    private Installation installation(ModelProfile profile) {
        Runnable unload = () -> {
            server.ifPresent(lmStudio -> lmStudio.unload(folder(profile)));
            options.beforeSwitch().run();
        };
        return new Installation(folder(profile), store,
                new Installation.Options(options.way(), options.keep(), unload, options.freeBytes(), options.clock(), options.progress(), options.cancellation()));
    }
}
