package dev.adapterferry.stage;

import dev.adapterferry.lora.AdapterMerger;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergeRequest;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.MergeSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** Merges adapters into a base and writes the checkpoint, without a run: what {@code ferry merge} does, by the same steps as {@link MergeStage}. */
public final class CheckpointMerge {
    private final BaseFinder bases;

    /** @param bases finds the base checkpoint */
    public CheckpointMerge(BaseFinder bases) {
        this.bases = bases;
    }

    /** A merge whose base may be a folder, or a repository in the cache or on the hub. */
    public static CheckpointMerge ofAnyBase() {
        return new CheckpointMerge(new LocalBases(new HubBases()));
    }

    /**
     * What to merge, and where to.
     *
     * @param model      a model of the settings, whose base holds where the order names none
     * @param base       folder or repository, or null for the model's or the one that the first adapter names
     * @param adapters   at least one
     * @param out        folder that is made
     * @param type       element type of what is written
     * @param shardBytes most bytes per file
     * @param allow      what may pass although it would be refused
     */
    public record Order(String model, String base, List<MergeInput> adapters, Path out, MergeSettings.Dtype type, long shardBytes, Set<String> allow) {
        /** Copies the collections. */
        public Order {
            adapters = List.copyOf(adapters);
            allow = Set.copyOf(allow);
        }
    }

    /**
     * Merges.
     *
     * @return the report, which lies in the folder as well
     * @throws dev.adapterferry.failure.FerryException when the base cannot be had, an adapter cannot be merged, or it did not land; nothing is left behind
     */
    public MergeReport carry(Order order, Settings settings, Progress progress, Cancellation cancellation) {
        Path first = order.adapters().getFirst().folder();
        RunRequest request = new RunRequest(order.model(), null, first.toString(), order.base(), List.of(), null, null, List.of(), false, "command");
        RunContext run = new RunContext("merge", request, settings, new Records(settings.runs().resolve("merge")), progress, cancellation);
        MergedModel.Base base = cancellation.over(() -> bases.find(run, first, outline -> MergedModel.open(run, outline, order.adapters(), order.allow()).close()));
        try (MergedCheckpoint merged = MergedModel.open(run, base, order.adapters(), order.allow())) {
            return new AdapterMerger().merge(merged, new MergeRequest(order.out(), MergedModel.type(order.type()), order.shardBytes(), MergedModel.threads(run)), progress, cancellation);
        }
    }
}
