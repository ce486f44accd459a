package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The moment in which a model's folder goes from one release to the next. All new files lie complete under names that nobody lists; the
 * intent is written down; then they take their places. A process killed before the intent is on disk has changed nothing; killed
 * after it, {@link #finish} does the rest, as often as needed.
 *
 * <p>Several files take their places together, by a {@link StagedFolder} that is exchanged with the model's folder: at every moment that
 * holds the old release or the new one. A single file is renamed over the old one, which is as sudden and leaves the folder the same
 * for programs that watch it. Where folders cannot be exchanged (Windows, network shares, a folder that is a link) several files
 * are renamed one after another, and a kill between two of them leaves complete files of both releases until the next start.
 */
final class Switch {
    /** In place of a release's number: the model is to be installed no more. */
    static final int NOTHING = -1;
    private static final Logger LOG = LoggerFactory.getLogger(Switch.class);
    private static final String INTENT = "switch.json";
    private static final String STAGED = ".part";
    private static final Pattern STAGED_NAME = Pattern.compile("\\..+\\.gguf\\.\\d+\\" + STAGED, Pattern.CASE_INSENSITIVE);

    private final ReleaseStore store;
    private final Progress progress;

    Switch(ReleaseStore store, Progress progress) {
        this.store = store;
        this.progress = progress;
    }

    /**
     * What a switch is about to do.
     *
     * @param number    release to become the installed one, or {@link #NOTHING}
     * @param directory the model's folder
     * @param files     its files, staged under {@link #stagedName}
     * @param remove    files of the former release that the new one does not have
     * @param staged    mark of the {@link StagedFolder} that holds the files; null when they lie in the model's folder itself
     */
    record Intent(int number, String directory, List<Release.File> files, List<String> remove, Long staged) {
        /** Whether a file in a folder belongs to one of both releases. */
        Predicate<String> names(Path folder) {
            Set<String> names = remove.stream().map(Path::of).filter(path -> folder.equals(path.getParent())).map(path -> path.getFileName().toString()).collect(Collectors.toSet());
            if (folder.equals(Path.of(directory))) {
                files.forEach(file -> names.add(file.name()));
            }
            return name -> names.contains(name) || isStaged(name);
        }
    }

    /** Name of a file while it waits: no {@code .gguf}, so LM Studio does not index it. */
    static String stagedName(int number, String name) {
        return "." + name + "." + number + STAGED;
    }

    /** Whether a file waits, or was left waiting. */
    static boolean isStaged(String name) {
        return STAGED_NAME.matcher(name).matches();
    }

    /** Writes the intent down and acts on it. */
    void perform(String model, Intent intent) {
        store.unsettle(model);
        Durable.write(intentFile(model), json(intent));
        report("switching " + model, 0, intent);
        act(model, intent);
    }

    /**
     * Finishes a switch that a killed process began, and removes what it left. The caller holds the model's lock.
     *
     * @return true when there was one to finish
     */
    boolean finish(String model) {
        if (!isPending(store, model)) {
            return false;
        }
        Path file = intentFile(model);
        try {
            act(model, ReleaseStore.JSON.readValue(file.toFile(), Intent.class));
        } catch (IOException e) {
            throw new FerryException("Cannot read the unfinished switch of " + model + " in " + file + ": " + Durable.reason(e) + ". Remove it and deploy again.", e);
        }
        return true;
    }

    private void act(String model, Intent intent) {
        Path directory = Path.of(intent.directory());
        int step = 0;
        try {
            boolean whole = intent.staged() != null && takePlace(model, intent);
            for (Release.File file : whole ? List.<Release.File>of() : intent.files()) {
                bringIn(model, intent.number(), directory, file);
                report("switching " + model, ++step, intent);
            }
            takeOut(intent);
            report("switching " + model, ++step, intent);
            if (intent.number() == NOTHING) {
                store.deactivate(model);
            } else {
                Durable.forceDirectory(directory);
                store.activate(model, intent.number(), intent.directory());
            }
            report("switching " + model, ++step, intent);
            Files.deleteIfExists(intentFile(model));
            Durable.forceDirectory(store.home(model));
            report("switching " + model, ++step, intent);
        } catch (IOException e) {
            throw new TransientFailure("Cannot switch " + directory + " to release " + intent.number() + ": " + Durable.reason(e)
                    + ". Unload the model where it is in use; the next start finishes the switch.", e);
        }
    }

    /** Puts the staged folder in the place of the model's, or gives false when that is not possible any more. */
    private boolean takePlace(String model, Intent intent) throws IOException {
        Path directory = Path.of(intent.directory());
        StagedFolder staged = new StagedFolder(directory);
        if (staged.isWaiting(intent.staged())) {
            int step = 0;
            for (Release.File file : intent.files()) {
                bringIn(model, intent.number(), staged.path(), file);
                report("naming the files of " + model, ++step, intent);
            }
            try {
                staged.adopt(intent.names(directory));
                staged.takePlace();
            } catch (IOException e) {
                LOG.info("{} cannot be replaced as a whole ({}), so its files are replaced one after another", directory, Durable.reason(e));
            }
            report("exchanging the folder of " + model, ++step, intent);
        }
        boolean done = staged.isInPlace(intent.staged());
        staged.retire(intent.names(directory));
        return done;
    }

    /** Takes the files of the former release out of the folders where they still are: all of a folder at one instant, where that is possible. */
    private static void takeOut(Intent intent) throws IOException {
        Set<Path> folders = new LinkedHashSet<>();
        intent.remove().forEach(gone -> folders.add(Path.of(gone).getParent()));
        for (Path folder : folders) {
            List<Path> there = intent.remove().stream().map(Path::of).filter(path -> folder.equals(path.getParent()) && Files.exists(path, LinkOption.NOFOLLOW_LINKS)).toList();
            StagedFolder rest = new StagedFolder(folder);
            if (there.size() > 1 && Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                rest.leave(intent.names(folder));
            }
            rest.retire(intent.names(folder));
            for (Path path : there) {
                Files.deleteIfExists(path);
            }
            removeIfEmpty(folder);
        }
    }

    private void bringIn(String model, int number, Path directory, Release.File file) throws IOException {
        Path staged = directory.resolve(stagedName(number, file.name()));
        Path place = directory.resolve(file.name());
        Path kept = store.directory(model, number).resolve(file.name());
        if (!Files.exists(staged, LinkOption.NOFOLLOW_LINKS)) {
            if (isDone(place, kept, file)) {
                return;
            }
            // Somebody removed the staged file: take it from the store again.
            Files.createDirectories(directory);
            new Placement(Placement.Way.AUTO, progress, new Cancellation()).place(kept, staged, file.sha256());
        }
        Files.move(staged, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        // POSIX rename does nothing when both names are links to one file.
        Files.deleteIfExists(staged);
    }

    /** Old and new files of one format have the same size, so only the content tells them apart. */
    private static boolean isDone(Path place, Path kept, Release.File file) throws IOException {
        if (!Files.exists(place) || Files.size(place) != file.bytes()) {
            return false;
        }
        return Files.exists(kept) && Files.isSameFile(place, kept) || Sha256.of(place).equals(file.sha256());
    }

    static void removeIfEmpty(Path directory) throws IOException {
        if (Files.isDirectory(directory) && ReleaseStore.children(directory).isEmpty()) {
            Files.delete(directory);
        }
    }

    /** Removes staged files that no intent speaks of. */
    static void sweep(Path directory) {
        try {
            new StagedFolder(directory).discard();
            for (Path file : ReleaseStore.children(directory)) {
                if (isStaged(file.getFileName().toString())) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            throw new FerryException("Cannot remove leftovers in " + directory + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** True while a switch is written down and not done. */
    static boolean isPending(ReleaseStore store, String model) {
        return Files.exists(store.home(model).resolve(INTENT));
    }

    private Path intentFile(String model) {
        return store.home(model).resolve(INTENT);
    }

    private void report(String activity, int step, Intent intent) {
        progress.report(new Progress.Step(activity, step, intent.files().size() + 3, Progress.Unit.ITEMS));
    }

    private static String json(Intent intent) {
        try {
            return ReleaseStore.JSON.writeValueAsString(intent);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
