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
import java.util.List;

/**
 * The moment in which a model's folder goes from one release to the next. All new files lie complete beside the old ones
 * under names that nobody lists; the intent is written down; then each is renamed over its final name. A process killed
 * before the intent is on disk has changed nothing; killed after it, {@link #finish} does the rest, as often as needed.
 *
 * <p>Exchanging the whole folder would switch several files at one instant, but programs that watch the folder would go
 * on watching the old one. So a kill between two renames leaves complete files of both releases until the next start.
 */
final class Switch {
    /** In place of a release's number: the model is to be installed no more. */
    static final int NOTHING = -1;
    private static final String INTENT = "switch.json";
    private static final String STAGED = ".part";

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
     */
    record Intent(int number, String directory, List<Release.File> files, List<String> remove) { }

    /** Name of a file while it waits: no {@code .gguf}, so LM Studio does not index it. */
    static String stagedName(int number, String name) {
        return "." + name + "." + number + STAGED;
    }

    /** Writes the intent down and acts on it. */
    void perform(String model, Intent intent) {
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
            for (Release.File file : intent.files()) {
                bringIn(model, intent.number(), directory, file);
                report("switching " + model, ++step, intent);
            }
            for (String gone : intent.remove()) {
                Files.deleteIfExists(Path.of(gone));
                removeIfEmpty(Path.of(gone).getParent());
                report("switching " + model, ++step, intent);
            }
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
            for (Path file : ReleaseStore.children(directory)) {
                if (file.getFileName().toString().matches("\\..+\\.gguf\\.\\d+\\" + STAGED)) {
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
        progress.report(new Progress.Step(activity, step, intent.files().size() + intent.remove().size() + 2, Progress.Unit.ITEMS));
    }

    private static String json(Intent intent) {
        try {
            return ReleaseStore.JSON.writeValueAsString(intent);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
