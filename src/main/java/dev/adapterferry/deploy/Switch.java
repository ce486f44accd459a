package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * The moment in which a model's folder goes from one release to the next. All new files lie complete beside the old ones
 * under names that nobody lists; the intent is written down; then each is renamed over its final name. A process killed
 * before the intent is on disk has changed nothing; killed after it, {@link #finish} does the rest, as often as needed.
 */
final class Switch {
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
     * @param number    release to become the installed one
     * @param directory the model's folder
     * @param files     its files, staged under {@link #stagedName}
     * @param remove    names of the former release that the new one does not have
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
        Path file = intentFile(model);
        if (!Files.exists(file)) {
            return false;
        }
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
                Path staged = directory.resolve(stagedName(intent.number(), file.name()));
                Path place = directory.resolve(file.name());
                if (Files.exists(staged, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(staged, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                    // POSIX rename does nothing when both names are links to one file.
                    Files.deleteIfExists(staged);
                } else if (!Files.exists(place) || Files.size(place) != file.bytes()) {
                    throw new FerryException("Cannot finish installing release " + intent.number() + " of " + model + ": both " + staged + " and " + place
                            + " are gone. Roll back to a kept release.");
                }
                report("switching " + model, ++step, intent);
            }
            for (String name : intent.remove()) {
                Files.deleteIfExists(directory.resolve(name));
                report("switching " + model, ++step, intent);
            }
            Durable.forceDirectory(directory);
            store.setCurrent(model, intent.number());
            report("switching " + model, ++step, intent);
            Files.deleteIfExists(intentFile(model));
            Durable.forceDirectory(store.home(model));
            report("switching " + model, ++step, intent);
        } catch (IOException e) {
            throw new TransientFailure("Cannot switch " + directory + " to release " + intent.number() + ": " + Durable.reason(e)
                    + ". Unload the model where it is in use; the next start finishes the switch.", e);
        }
    }

    /** Removes staged files that no intent speaks of. */
    static void sweep(Path directory) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(path -> path.getFileName().toString().matches("\\..+\\.gguf\\.\\d+\\" + STAGED)).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new FerryException("Cannot remove leftovers in " + directory + ": " + Durable.reason(e) + ".", e);
        }
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
