package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.Pause;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The adapter that a training's output folder holds: where in it, which files, and whether it is finished.
 *
 * @param place  the tree, for messages
 * @param folder folder below the tree's root, empty for the root itself
 * @param files  what to pull, by the plain name under which it is kept; empty while there is nothing to pull
 * @param state  finished, running, ...
 */
public record RemoteAdapter(String place, String folder, Map<String, FileEntry> files, TrainingState state) {
    /**
     * Looks at a tree.
     *
     * @param tree   where the training writes
     * @param settle time between two looks at the files, which must not differ; zero for one look
     * @param pause  waits
     * @throws FerryException when there is no adapter, or what is there can never be pulled
     */
    public static RemoteAdapter find(FileTree tree, Duration settle, Pause pause) {
        List<FileEntry> first = tree.list();
        RemoteAdapter adapter = new OutputFolder(tree, first).adapter();
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
        pause.pause(settle);
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

    /** One look at an output folder. */
    private static final class OutputFolder {
        private final FileTree tree;
        private final Map<String, List<FileEntry>> folders;
        private final List<FileEntry> root;
        private final TreeMap<Long, List<FileEntry>> checkpoints = new TreeMap<>();

        OutputFolder(FileTree tree, Collection<FileEntry> files) {
            this.tree = tree;
            this.folders = files.stream().collect(Collectors.groupingBy(FileEntry::folder, TreeMap::new, Collectors.toList()));
            this.root = folders.getOrDefault("", List.of());
            folders.forEach((name, entries) -> {
                if (name.matches("checkpoint-\\d{1,15}")) {
                    checkpoints.put(Long.parseLong(name.substring("checkpoint-".length())), entries);
                }
            });
        }

        RemoteAdapter adapter() {
            Optional<TrainerLog> newest = checkpoints.descendingMap().values().stream()
                    .map(c -> AdapterFiles.named(c, "trainer_state.json").flatMap(f -> TrainerLog.state(tree, f))).flatMap(Optional::stream).findFirst();
            if (folders.containsKey("pissa_converted")) {
                return judge("pissa_converted", newest);
            }
            if (folders.containsKey("pissa_init") || folders.containsKey("pissa_backup")) {
                throw new FerryException("Cannot pull the adapter in " + tree.place() + ": it was trained with PiSSA and there is no pissa_converted folder; "
                        + "only the converted adapter fits the original base. Convert it on the machine first.");
            }
            boolean inRoot = AdapterFiles.hasWeights(root) && AdapterFiles.named(root, AdapterFiles.CONFIG).isPresent();
            if (inRoot && !(newest.isPresent() && newest.get().complete() && newest.get().file().modified() > savedAt(root))) {
                return judge("", newest);
            }
            if (checkpoints.values().stream().anyMatch(AdapterFiles::hasWeights)) {
                return checkpoint(newest);
            }
            List<String> named = folders.entrySet().stream().filter(f -> !f.getKey().isEmpty() && AdapterFiles.hasWeights(f.getValue())
                    && AdapterFiles.named(f.getValue(), AdapterFiles.CONFIG).isPresent()).map(Map.Entry::getKey).toList();
            if (named.size() > 1) {
                throw new FerryException("There are several adapters in " + tree.place() + ": " + String.join(", ", named) + ". Name the folder of one of them.");
            }
            if (named.size() == 1) {
                return judge(named.getFirst(), newest);
            }
            return nothing(newest);
        }

        /** Judges an adapter that was saved on its own, in the root or in a named folder. */
        private RemoteAdapter judge(String folder, Optional<TrainerLog> newest) {
            List<FileEntry> files = folders.get(folder);
            Map<String, FileEntry> chosen = AdapterFiles.choose(files, root, tree.place());
            if (!chosen.containsKey(AdapterFiles.CONFIG) || !AdapterFiles.hasWeights(files)) {
                return nothing(newest);
            }
            Optional<TrainerLog> own = AdapterFiles.named(root, "trainer_state.json").flatMap(f -> TrainerLog.state(tree, f));
            TrainingState state = own.filter(log -> log.file().modified() >= savedAt(files)).map(this::ownWord).orElseGet(() -> {
                if (newest.isPresent() && newest.get().file().modified() > savedAt(files)) {
                    return state(newest, TrainingState.Kind.RUNNING, newest.get().file().folder() + " is newer than the adapter");
                }
                if (newest.isPresent() && newest.get().complete()) {
                    return state(newest, TrainingState.Kind.FINISHED, "the last checkpoint is complete and the adapter is newer");
                }
                FileEntry config = chosen.get(AdapterFiles.CONFIG);
                boolean inference = AdapterConfig.isForInference(tree, config);
                if (!inference || config.modified() < savedAt(files)) {
                    return state(newest.or(this::log), TrainingState.Kind.UNKNOWN, inference ? "its configuration is older than its weights" : "its configuration was written before training");
                }
                if (newest.isPresent() && endedEarly(newest.get())) {
                    return state(newest, TrainingState.Kind.STOPPED_EARLY, "the adapter was saved, but the last checkpoint is not the last step");
                }
                return state(newest, TrainingState.Kind.FINISHED, "the configuration was saved after the weights");
            });
            return new RemoteAdapter(tree.place(), folder, chosen, tree.isLive() ? state : state.as(TrainingState.Kind.FINISHED, "it is a fixed version"));
        }

        /** LLaMA-Factory writes its state into the root as the last thing. */
        private TrainingState ownWord(TrainerLog log) {
            return log.complete() || log.maxSteps() <= 0
                    ? state(Optional.of(log), TrainingState.Kind.FINISHED, "the trainer wrote its final state after the weights")
                    : state(Optional.of(log), TrainingState.Kind.STOPPED_EARLY, "the trainer's final state is not the last step");
        }

        private RemoteAdapter checkpoint(Optional<TrainerLog> newest) {
            String best = newest.map(TrainerLog::best).filter(b -> folders.containsKey(b) && AdapterFiles.hasWeights(folders.get(b))).orElse(null);
            String folder = best != null ? best : "checkpoint-" + checkpoints.descendingMap().entrySet().stream().filter(c -> AdapterFiles.hasWeights(c.getValue()))
                    .findFirst().orElseThrow().getKey();
            Map<String, FileEntry> chosen = AdapterFiles.choose(folders.get(folder), root, tree.place());
            TrainingState state;
            if (newest.isPresent() && newest.get().complete()) {
                state = state(newest, TrainingState.Kind.FINISHED, "the last checkpoint is the last step" + (best == null ? "" : ", " + best + " is the best"));
            } else if (newest.isPresent() && newest.get().stopped()) {
                state = state(newest, TrainingState.Kind.STOPPED_EARLY, "the trainer was told to stop before the last step");
            } else {
                state = state(newest.or(this::log), TrainingState.Kind.RUNNING, "there are checkpoints, but not the last one and no final adapter");
            }
            if (!chosen.containsKey(AdapterFiles.CONFIG)) {
                throw new FerryException("Cannot pull the adapter in " + tree.place() + ": there is no adapter_config.json in " + folder + " beside the weights.");
            }
            return new RemoteAdapter(tree.place(), folder, chosen, tree.isLive() ? state : state.as(TrainingState.Kind.FINISHED, "it is a fixed version"));
        }

        private RemoteAdapter nothing(Optional<TrainerLog> newest) {
            boolean config = AdapterFiles.named(root, AdapterFiles.CONFIG).isPresent();
            if (AdapterFiles.named(root, "adapters.safetensors").isPresent()) {
                throw new FerryException("Cannot pull the adapter in " + tree.place() + ": it is an mlx-lm adapter (adapters.safetensors), not a PEFT one. Convert or fuse it with mlx-lm first.");
            }
            if (AdapterFiles.hasWeights(root) && !config) {
                throw new FerryException("Cannot pull the adapter in " + tree.place() + ": adapter_config.json is missing beside the weights; a training writes it last, "
                        + "so it may still be running. Without it nobody knows rank and scale.");
            }
            Optional<TrainerLog> log = newest.or(this::log);
            if (config || log.isPresent() || !checkpoints.isEmpty()) {
                return new RemoteAdapter(tree.place(), "", Map.of(), state(log, TrainingState.Kind.RUNNING, "there are no adapter weights yet"));
            }
            String found = root.isEmpty() ? "it holds no files" : "found " + root.stream().map(FileEntry::name).sorted().limit(8).collect(Collectors.joining(", "))
                    + (root.size() > 8 ? " and " + (root.size() - 8) + " more" : "");
            throw new FerryException("There is no adapter in " + tree.place() + ": expected adapter_model.safetensors and adapter_config.json, " + found
                    + ". Name the folder that the training writes to.");
        }

        private Optional<TrainerLog> log() {
            return AdapterFiles.named(root, "trainer_log.jsonl").flatMap(f -> TrainerLog.lines(tree, f));
        }

        private boolean endedEarly(TrainerLog log) {
            // A run that saves every 100 of 450 steps ends with a checkpoint at 400 and is complete all the same.
            return log.stopped() || log.maxSteps() > 0 && log.maxSteps() - log.step() >= Math.max(1, log.saveSteps());
        }

        private static TrainingState state(Optional<TrainerLog> log, TrainingState.Kind kind, String why) {
            return new TrainingState(kind, log.map(TrainerLog::step).orElse(-1L), log.map(TrainerLog::maxSteps).filter(m -> m > 0).orElse(-1L), why);
        }

        /** When the last weights file of a folder was written. */
        private static long savedAt(List<FileEntry> files) {
            return files.stream().filter(f -> AdapterFiles.isWeights(f.plainName())).mapToLong(FileEntry::modified).max().orElse(Long.MIN_VALUE);
        }
    }
}
