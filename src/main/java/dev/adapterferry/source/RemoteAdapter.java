package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.Pause;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The adapter that a training's output folder holds: where in it, which files, and whether it is finished.
 *
 * @param place  the tree, for messages
 * @param folder folder below the tree's root, empty for the root itself
 * @param files  what to pull, by the name under which it is kept (plain, but for further chat templates); empty while there is nothing to pull
 * @param state  finished, running, ...
 */
public record RemoteAdapter(String place, String folder, Map<String, FileEntry> files, TrainingState state) {
    /** Which weights are taken when a training left several. */
    public enum Choice {
        /** The final adapter, else the best checkpoint's, else the last one's. */
        AUTO,
        /** The final adapter in the root. */
        ROOT,
        /** The checkpoint that the trainer calls the best. */
        BEST,
        /** The last checkpoint. */
        LAST
    }

    /**
     * How to look.
     *
     * @param settle      time between two looks at the files, which must not differ
     * @param choice      which weights to take
     * @param maxFileSize largest file that is believed, in bytes
     */
    public record Look(Duration settle, Choice choice, long maxFileSize) { }

    /**
     * Looks at a tree.
     *
     * @param tree  where the training writes
     * @param look  how
     * @param pause waits
     * @throws FerryException when there is no adapter, or what is there can never be pulled
     */
    public static RemoteAdapter find(FileTree tree, Look look, Pause pause) {
        RemoteAdapter adapter = new OutputFolder(tree, tree.list(), look).adapter();
        if (adapter.files.isEmpty()) {
            return adapter;
        }
        Optional<String> unsound = unsound(tree, adapter);
        if (unsound.isPresent()) {
            return adapter.running(unsound.get());
        }
        if (!tree.isLive()) {
            return adapter;
        }
        pause.pause(look.settle());
        Map<String, FileEntry> again = tree.list().stream().collect(Collectors.toMap(FileEntry::name, f -> f, (a, b) -> a));
        for (FileEntry file : adapter.files.values()) {
            FileEntry now = again.get(file.name());
            if (now == null || now.size() != file.size() || now.modified() != file.modified()) {
                return adapter.running(file.name() + (now == null ? " vanished" : " changed") + " while it was being looked at");
            }
            if (AdapterFiles.isWeights(file.plainName()) && tree.isBeingWritten(file)) {
                return adapter.running("a process holds " + file.name() + " open for writing");
            }
        }
        return adapter;
    }

    private RemoteAdapter running(String why) {
        return new RemoteAdapter(place, folder, files, state.as(TrainingState.Kind.RUNNING, why));
    }

    /** What shows in the weights' headers that they are still being written; defects that time will not heal are thrown. */
    private static Optional<String> unsound(FileTree tree, RemoteAdapter adapter) {
        Set<String> names = new TreeSet<>();
        for (FileEntry file : adapter.files.values()) {
            if (AdapterFiles.isWeights(file.plainName()) && AdapterFiles.isSafetensors(file.plainName())) {
                Optional<String> cut = WeightsCheck.cutShort(file.size(), (offset, length) -> tree.read(file, offset, length), names);
                if (cut.isPresent()) {
                    return Optional.of("in " + file.name() + " " + cut.get());
                }
            }
        }
        if (adapter.files.keySet().stream().noneMatch(AdapterFiles::isPickle)) {
            WeightsCheck.defect(names).ifPresent(defect -> {
                throw new FerryException("Cannot pull the adapter in " + adapter.place + ": " + defect + ". Save it again from the training.");
            });
        }
        return Optional.empty();
    }
}
