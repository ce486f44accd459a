package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A plain folder, laid out as LM Studio's: {@code <folder>/<publisher>/<model>/}. What it holds of a release is noted in
 * {@code .release.json} there, so that files of others stay. Files and note change at one instant where folders can be exchanged.
 */
public final class FolderTarget implements Target {
    private static final String NOTE = ".release.json";

    private static final Logger LOG = LoggerFactory.getLogger(FolderTarget.class);

    private final Path folder;
    private final Placement.Way way;
    private final Placement placement;

    /**
     * @param folder       existing folder
     * @param way          how files get there
     * @param progress     hears of copied bytes
     * @param cancellation asked per chunk
     */
    public FolderTarget(Path folder, Placement.Way way, Progress progress, Cancellation cancellation) {
        this.folder = folder;
        this.way = way;
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
        StagedFolder staged = new StagedFolder(place);
        try {
            settle(staged, place);
            new DiskNeed(release.model(), files, folder, way, DiskNeed::usable).check(release.files().stream().map(file -> files.resolve(file.name())).toList(), true);
            if (staged.isPossible() && putWhole(release, files, staged, place)) {
                return;
            }
            List<String> former = noted(place.resolve(NOTE));
            placeAll(release, files, place);
            nameAll(release, place);
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

    /** All files and the note at one instant; false when the folder cannot be replaced as a whole after all. */
    private boolean putWhole(Release release, Path files, StagedFolder staged, Path place) throws IOException {
        staged.make();
        placeAll(release, files, staged.path());
        // Before the names: what lies under a name in there is ours when the note says so.
        Durable.write(staged.path().resolve(NOTE), ReleaseStore.JSON.writeValueAsString(release));
        nameAll(release, staged.path());
        Predicate<String> ours = ours(staged.path(), place);
        try {
            staged.adopt(ours);
            staged.takePlace();
        } catch (IOException e) {
            LOG.info("{} cannot be replaced as a whole ({}), so its files are replaced one after another", place, Durable.reason(e));
            staged.retire(ours);
            return false;
        }
        staged.retire(ours);
        return true;
    }

    /** Puts away what a killed process left beside the model's folder. */
    private static void settle(StagedFolder staged, Path place) throws IOException {
        staged.retire(ours(staged.path(), place));
    }

    private static Predicate<String> ours(Path one, Path other) throws IOException {
        Set<String> names = new HashSet<>(noted(one.resolve(NOTE)));
        names.addAll(noted(other.resolve(NOTE)));
        names.add(NOTE);
        return name -> names.contains(name) || Switch.isStaged(name) || name.startsWith("." + NOTE + ".");
    }

    private void placeAll(Release release, Path files, Path into) {
        for (Release.File file : release.files()) {
            placement.place(files.resolve(file.name()), into.resolve(Switch.stagedName(release.number(), file.name())), file.sha256());
        }
    }

    private static void nameAll(Release release, Path folder) throws IOException {
        for (Release.File file : release.files()) {
            Path waiting = folder.resolve(Switch.stagedName(release.number(), file.name()));
            Files.move(waiting, folder.resolve(file.name()), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            // POSIX rename does nothing when both names are links to one file.
            Files.deleteIfExists(waiting);
        }
    }

    @Override
    public void remove(ModelProfile profile) {
        Path place = new ModelFolder(folder, profile.publisher(), profile.folder()).path();
        try {
            StagedFolder rest = new StagedFolder(place);
            settle(rest, place);
            Predicate<String> ours = ours(place, place);
            if (Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS) && rest.leave(ours)) {
                rest.retire(ours);
                return;
            }
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
        List<String> names = new ArrayList<>();
        for (JsonNode file : ReleaseStore.JSON.readTree(note.toFile()).path("files")) {
            names.add(ModelFolder.checkName("file", file.path("name").asText()));
        }
        return names;
    }
}
