package dev.adapterferry.stage;

import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.ModelOutline;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.AdapterOutline;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.AdapterSketch;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.DequantizedCheckpoint;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses a run before anything is transferred for it, when configurations, names and shapes tell already that it would fail: a base that cannot be converted, an adapter that
 * cannot be merged into it, a format that the outcome cannot have. The merge, the conversion and the choice of types are planned for it as they will be planned later, on headers
 * alone. A hub that does not answer refuses nothing; the base is asked for again when it is needed.
 */
final class BaseGate {
    private static final Logger LOG = LoggerFactory.getLogger(BaseGate.class);

    private final LocalBases bases;

    /** @param bases finds bases */
    BaseGate(LocalBases bases) {
        this.bases = bases;
    }

    /**
     * Looks at the base that request or settings name, and gives the one who has to hear what the adapter is, before its weights come.
     *
     * @return empty when nothing is to be merged
     * @throws dev.adapterferry.failure.FerryException when the base cannot be converted
     */
    Optional<Consumer<AdapterSketch>> enter(RunContext run) {
        if (!isDone(run, Stage.MERGE)) {
            return Optional.empty();
        }
        if (LocalBases.isNamed(run) && isDone(run, Stage.QUANTIZE)) {
            look(run, () -> bases.requireConvertible(run, Optional.empty()));
        }
        return Optional.of(sketch -> look(run, () -> judge(run, sketch)));
    }

    private void judge(RunContext run, AdapterSketch sketch) {
        AdapterConfig config = AdapterConfig.parse(Path.of(run.name(), "adapter_config.json"), sketch.configuration());
        if (!LocalBases.isNamed(run) && isDone(run, Stage.QUANTIZE)) {
            bases.requireConvertible(run, Optional.of(config));
        }
        Checkpoint base = bases.outline(run, config);
        Optional<List<TensorInfo>> tensors = sketch.headers().get();
        if (tensors.isEmpty()) {
            try (Checkpoint alone = DequantizedCheckpoint.of(base)) {
                requireOutcome(run, alone);
            }
            return;
        }
        try (MergedCheckpoint merged = MergedCheckpoint.outline(base, new AdapterOutline(run.name(), config, tensors.get()), MergedModel.options(run, List.of(config), Set.of()))) {
            requireOutcome(run, merged);
        }
    }

    /**
     * Looks whether a base that is not here yet is worth its gigabytes.
     *
     * @param base     its names and shapes
     * @param adapters adapters that are here
     * @param allow    what may pass beside what the settings let pass
     * @throws dev.adapterferry.failure.FerryException when they cannot be merged into it, or what comes of it cannot be made
     */
    static void requireWorth(RunContext run, Checkpoint base, List<MergeInput> adapters, Set<String> allow) {
        try (MergedCheckpoint merged = MergedModel.open(run, base, adapters, allow)) {
            requireOutcome(run, merged);
        }
    }

    /** Plans what would be made of a checkpoint, if anything would. */
    private static void requireOutcome(RunContext run, Checkpoint checkpoint) {
        if (isDone(run, Stage.QUANTIZE)) {
            ModelOutline outline = new ModelConverter().outline(checkpoint);
            QuantizeJob.plan(new QuantizeRequest(QuantizeStage.fileName(run), outline.tensors(), outline.metadata(), "outline", List.of(), Path.of("."),
                    QuantizeStage.requests(run, run.settings().quantize().imatrix().isPresent()), Optional.empty(), false));
        }
    }

    private static boolean isDone(RunContext run, Stage stage) {
        return run.request().wants(stage) && run.settings().pipeline().stages().contains(stage);
    }

    private static void look(RunContext run, Runnable act) {
        try {
            act.run();
        } catch (TransientFailure e) {
            LOG.warn("The base of {} could not be looked at before the adapter comes: {}", run.name(), e.getMessage());
        }
    }
}
