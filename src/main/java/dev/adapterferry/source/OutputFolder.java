package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** One look at a training's output folder: which of the adapters in it is meant, and what its surroundings say about it. */
final class OutputFolder {
    private final FileTree tree;
    private final RemoteAdapter.Look look;
    private final Map<String, List<FileEntry>> folders;
    private final List<FileEntry> root;
    private final TreeMap<Long, List<FileEntry>> checkpoints = new TreeMap<>();

    OutputFolder(FileTree tree, Collection<FileEntry> files, RemoteAdapter.Look look) {
        this.tree = tree;
        this.look = look;
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
        if (look.choice() == RemoteAdapter.Choice.BEST || look.choice() == RemoteAdapter.Choice.LAST) {
            return checkpoint(newest);
        }
        boolean inRoot = AdapterFiles.hasWeights(root) && AdapterFiles.named(root, AdapterFiles.CONFIG).isPresent();
        if (look.choice() == RemoteAdapter.Choice.ROOT) {
            return inRoot ? judge("", newest) : nothing(newest);
        }
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
        Map<String, FileEntry> chosen = AdapterFiles.choose(folders, folder, tree.place(), look.maxFileSize());
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
        String best = look.choice() == RemoteAdapter.Choice.LAST ? null
                : newest.map(TrainerLog::best).filter(b -> folders.containsKey(b) && AdapterFiles.hasWeights(folders.get(b))).orElse(null);
        Optional<String> last = checkpoints.descendingMap().entrySet().stream().filter(c -> AdapterFiles.hasWeights(c.getValue())).findFirst()
                .map(c -> "checkpoint-" + c.getKey());
        if (last.isEmpty() || look.choice() == RemoteAdapter.Choice.BEST && best == null) {
            throw new FerryException("There is no " + (last.isEmpty() ? "checkpoint" : "best checkpoint named by the trainer") + " in " + tree.place()
                    + ", and source.checkpoint asks for one. Set it to auto.");
        }
        String folder = best != null ? best : last.get();
        Map<String, FileEntry> chosen = AdapterFiles.choose(folders, folder, tree.place(), look.maxFileSize());
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
