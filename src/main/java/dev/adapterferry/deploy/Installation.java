package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.HashedFiles;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Installs a release into a model's folder as one transaction, and restores kept ones. At every moment each
 * {@code .gguf} in the folder is a complete file; a process killed half way has either changed nothing or left a written
 * intent that {@link #recover} finishes.
 *
 * <p>One deployment of a model runs at a time, also between processes.
 */
public final class Installation {
    private static final Logger LOG = LoggerFactory.getLogger(Installation.class);

    private final ModelFolder folder;
    private final ReleaseStore store;
    private final Options options;

    /**
     * How to install.
     *
     * @param way          how files get into the models directory
     * @param keep         how many releases stay restorable, the installed one included
     * @param beforeSwitch called when all is staged and verified: unloads the model where it is in use
     * @param freeBytes    usable bytes of the file system that holds a path
     * @param clock        gives releases their time
     * @param progress     hears of hashing, copying, and each step of the switch
     * @param cancellation asked until the switch begins
     */
    public record Options(Placement.Way way, int keep, Runnable beforeSwitch, ToLongFunction<Path> freeBytes, Clock clock, Progress progress, Cancellation cancellation) {
        /** Hard links where possible, nothing to unload, the real disk. */
        public static Options of(int keep) {
            return new Options(Placement.Way.AUTO, keep, () -> { }, DiskNeed::usable, Clock.systemUTC(), Progress.NONE, new Cancellation());
        }
    }

    /**
     * What was installed.
     *
     * @param release  the release that is now in the folder
     * @param files    its files there
     * @param previous the release that was there before
     */
    public record Installed(Release release, List<Path> files, OptionalInt previous) { }

    /**
     * @param folder  where the model belongs
     * @param store   where releases are kept, outside the models directory
     * @param options how
     */
    public Installation(ModelFolder folder, ReleaseStore store, Options options) {
        this.folder = folder;
        this.store = store;
        this.options = options;
        store.checkOutside(folder.models());
    }

    /**
     * Installs a candidate as the next release.
     *
     * @throws FerryException when a file is not what was expected, or the disk is too small; the folder is then as before
     */
    public Installed install(Candidate candidate) {
        String model = candidate.model();
        if (!Files.isDirectory(folder.models())) {
            throw new FerryException("Cannot deploy " + model + ": the models directory " + folder.models() + " does not exist. Start LM Studio once, or set the models directory.");
        }
        return alone(model, () -> {
            need(model).check(candidate.files().stream().map(Candidate.Item::file).toList(), false);
            List<Release.File> files = candidate.files().stream().map(item -> inspect(model, item)).toList();
            keepWhatIsThere(model, files);
            Release release = new Release(model, folder.publisher(), folder.model(), store.nextNumber(model), Instant.now(options.clock()), files, candidate.identity());
            store.add(release, candidate.files().stream().map(Candidate.Item::file).toList(), toStore());
            return bringIn(release);
        });
    }

    /**
     * Restores a kept release.
     *
     * @param model  the model's name in the settings
     * @param number release to restore
     */
    public Installed restore(String model, int number) {
        return alone(model, () -> {
            Release release = store.get(model, number);
            store.verify(release, false);
            need(model).check(release.files().stream().map(file -> store.directory(model, number).resolve(file.name())).toList(), true);
            return bringIn(release);
        });
    }

    /**
     * Takes the installed release out of the models directory, with nothing in its place. It stays kept.
     *
     * @param model the model's name in the settings
     */
    public void remove(String model) {
        alone(model, () -> {
            Optional<ActiveRelease> active = store.active(model);
            active.ifPresent(installed -> {
                Release release = store.get(model, installed.number());
                options.beforeSwitch().run();
                List<String> files = release.files().stream().map(file -> Path.of(installed.folder()).resolve(file.name()).toString()).toList();
                new Switch(store, options.progress()).perform(model, new Switch.Intent(Switch.NOTHING, installed.folder(), List.of(), files, null));
            });
            return active;
        });
    }

    private <T> T alone(String model, Supplier<T> act) {
        try (ModelLock lock = ModelLock.hold(store.home(model), ModelLock.PATIENCE)) {
            clean(model);
            try {
                return act.get();
            } catch (RuntimeException e) {
                if (!Switch.isPending(store, model)) {
                    Switch.sweep(folder.path());
                    store.sweep(model);
                }
                throw e;
            }
        }
    }

    /**
     * Finishes or undoes what a killed deployment left. Does nothing while another process deploys the model.
     *
     * @return true when something was finished, or was done and never written down ({@link ReleaseStore#isUnsettled})
     */
    public boolean recover(String model) {
        if (!Files.isDirectory(store.home(model))) {
            return false;
        }
        return ModelLock.tryHold(store.home(model)).map(lock -> {
            try (lock) {
                return clean(model);
            }
        }).orElse(false);
    }

    private boolean clean(String model) {
        boolean finished = new Switch(store, options.progress()).finish(model);
        if (finished) {
            LOG.info("Finished the deployment of {} that an earlier process began: release {} is installed", model,
                    store.active(model).map(active -> Integer.toString(active.number())).orElse("none"));
        }
        Switch.sweep(folder.path());
        store.sweep(model);
        return finished || store.isUnsettled(model);
    }

    private Release.File inspect(String model, Candidate.Item item) {
        try {
            String sha256 = HashedFiles.ofThisProcess().sha256(item.file(), options.progress(), options.cancellation());
            if (item.sha256() != null && !item.sha256().equalsIgnoreCase(sha256)) {
                throw new FerryException("Cannot deploy " + model + ": " + item.file() + " should have SHA-256 " + item.sha256() + " but has " + sha256 + ". Make the file again.");
            }
            return new Release.File(item.name(), item.format(), Files.size(item.file()), sha256);
        } catch (IOException e) {
            throw new FerryException("Cannot deploy " + model + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Files that someone else put under our names become release 0, so that even the first deployment can be undone. */
    private void keepWhatIsThere(String model, List<Release.File> files) {
        if (store.active(model).isPresent()) {
            return;
        }
        List<Path> found = files.stream().map(file -> folder.path().resolve(file.name())).filter(Files::isRegularFile).toList();
        if (found.isEmpty()) {
            return;
        }
        List<Release.File> kept = found.stream().map(path -> new Release.File(path.getFileName().toString(), "", size(path), Sha256.of(path, options.progress(), options.cancellation()))).toList();
        store.add(new Release(model, folder.publisher(), folder.model(), 0, Instant.now(options.clock()), kept, Map.of("origin", "found in " + folder.path())), found, toStore());
        store.activate(model, 0, folder.path().toString());
    }

    private Installed bringIn(Release release) {
        Optional<ActiveRelease> former = store.active(release.model());
        Path directory = folder.path();
        List<String> obsolete = obsolete(release, former);
        Long staged;
        try {
            staged = stage(release, directory, obsolete);
        } catch (IOException e) {
            throw new FerryException("Cannot install release " + release.number() + " of " + release.model() + " in " + directory + ": " + Durable.reason(e) + ".", e);
        }
        options.cancellation().check("deploy " + release.model());
        options.beforeSwitch().run();
        new Switch(store, options.progress()).perform(release.model(), new Switch.Intent(release.number(), directory.toString(), release.files(), obsolete, staged));
        store.prune(release.model(), options.keep());
        return new Installed(release, release.files().stream().map(file -> directory.resolve(file.name())).toList(),
                former.map(active -> OptionalInt.of(active.number())).orElse(OptionalInt.empty()));
    }

    /** Places the files where they wait for the switch. What changes one file only needs no more than a rename; gives the mark of the folder for all else. */
    private Long stage(Release release, Path directory, List<String> obsolete) throws IOException {
        StagedFolder next = new StagedFolder(directory);
        boolean whole = release.files().size() + obsolete.size() > 1 && next.isPossible();
        if (whole) {
            next.make();
        } else {
            Files.createDirectories(directory);
        }
        Path waiting = whole ? next.path() : directory;
        Path kept = store.directory(release.model(), release.number());
        Placement placement = new Placement(options.way(), options.progress(), options.cancellation());
        for (Release.File file : release.files()) {
            placement.place(kept.resolve(file.name()), waiting.resolve(Switch.stagedName(release.number(), file.name())), file.sha256());
        }
        Durable.forceDirectory(waiting);
        return whole ? next.mark() : null;
    }

    /** Files of the former release that the new one does not replace, in whatever folder of these models they lie. */
    private List<String> obsolete(Release release, Optional<ActiveRelease> former) {
        if (former.isEmpty() || !Path.of(former.get().folder()).startsWith(folder.models()) || !Files.exists(store.directory(release.model(), former.get().number()))) {
            return List.of();
        }
        Set<Path> fresh = release.files().stream().map(file -> folder.path().resolve(file.name())).collect(Collectors.toSet());
        return store.get(release.model(), former.get().number()).files().stream().map(file -> Path.of(former.get().folder()).resolve(file.name()))
                .filter(path -> !fresh.contains(path)).map(Path::toString).toList();
    }

    /** Kept files come from the ferry's own runs, which never write into a finished file: hard links are safe, whatever the way into the models directory. */
    private Placement toStore() {
        return new Placement(Placement.Way.AUTO, options.progress(), options.cancellation());
    }

    private DiskNeed need(String model) {
        return new DiskNeed(model, store.root(), folder.models(), options.way(), options.freeBytes());
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
