package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * A plain folder, laid out as LM Studio's: {@code <folder>/<publisher>/<model>/}. What it holds of a release is noted in
 * {@code .release.json} there, so that files of others stay.
 */
public final class FolderTarget implements Target {
    private static final String NOTE = ".release.json";

    private final Path folder;
    private final Placement placement;

    /**
     * @param folder       existing folder
     * @param way          how files get there
     * @param progress     hears of copied bytes
     * @param cancellation asked per chunk
     */
    public FolderTarget(Path folder, Placement.Way way, Progress progress, Cancellation cancellation) {
        this.folder = folder;
        this.placement = new Placement(way, progress, cancellation);
    }

    @Override
    public String name() {
        return "folder " + folder;
    }

    @Override
    public void check() {
        if (!Files.isDirectory(folder)) {
            throw new FerryException("Cannot put releases into " + folder + ": there is no such folder. Make it, or mount its disk.");
        }
    }

    @Override
    public void put(Release release, Path files, ModelProfile profile) {
        check();
        Path place = new ModelFolder(folder, profile.publisher(), profile.folder()).path();
        try {
            List<String> former = noted(place.resolve(NOTE));
            for (Release.File file : release.files()) {
                placement.place(files.resolve(file.name()), place.resolve(Switch.stagedName(release.number(), file.name())), file.sha256());
            }
            for (Release.File file : release.files()) {
                Path staged = place.resolve(Switch.stagedName(release.number(), file.name()));
                Files.move(staged, place.resolve(file.name()), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                Files.deleteIfExists(staged);
            }
            for (String name : former) {
                if (release.files().stream().noneMatch(file -> file.name().equals(name))) {
                    Files.deleteIfExists(place.resolve(name));
                }
            }
            Durable.write(place.resolve(NOTE), ReleaseStore.JSON.writeValueAsString(release));
            Switch.sweep(place);
        } catch (IOException e) {
            throw new FerryException("Cannot put release " + release.number() + " of " + release.model() + " into " + place + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public void remove(ModelProfile profile) {
        Path place = new ModelFolder(folder, profile.publisher(), profile.folder()).path();
        try {
            for (String name : noted(place.resolve(NOTE))) {
                Files.deleteIfExists(place.resolve(name));
            }
            Files.deleteIfExists(place.resolve(NOTE));
            Switch.removeIfEmpty(place);
        } catch (IOException e) {
            throw new FerryException("Cannot remove " + profile.model() + " from " + place + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Names of the files that the last release put there. */
    private static List<String> noted(Path note) throws IOException {
        if (!Files.exists(note)) {
            return List.of();
        }
        List<String> names = new java.util.ArrayList<>();
        for (JsonNode file : ReleaseStore.JSON.readTree(note.toFile()).path("files")) {
            names.add(ModelFolder.checkName("file", file.path("name").asText()));
        }
        return names;
    }
}
