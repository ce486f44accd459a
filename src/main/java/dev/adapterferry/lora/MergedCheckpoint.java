package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.DequantizedCheckpoint;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A base with an adapter merged in while it is read: {@code W + s·B·A}, row block by row block, in double precision, rounded once to
 * f32. Nothing is staged; what an adapter does not touch comes straight from the base. Several adapters are several of these, one on
 * the other.
 */
public final class MergedCheckpoint implements Checkpoint, SourceFiles {
    /** Files in which the adapter's version counts, because training may have changed the tokenizer, its template, or how vectors are pooled. */
    private static final Set<String> FROM_ADAPTER = Stream.of(TokenizerFiles.ALL, SentenceModules.FILES).flatMap(List::stream).collect(Collectors.toUnmodifiableSet());

    private static final int MEASURED_AT_ONCE = 1 << 20;

    private final Checkpoint base;
    private final AdapterFolder adapter;
    private final Optional<AdapterFolder> initial;
    private final MergePlan plan;
    private final List<String> warnings;
    private final MergedTensors tensors;

    private MergedCheckpoint(Checkpoint base, AdapterFolder adapter, Optional<AdapterFolder> initial, MergePlan plan, List<String> warnings) {
        this.base = base;
        this.adapter = adapter;
        this.initial = initial;
        this.plan = plan;
        this.warnings = warnings;
        this.tensors = new MergedTensors(base.tensors(), plan.tensors(), files());
    }

    /**
     * Opens a base with adapters merged in, one after the other.
     *
     * @param base     the base; closed with the result, and also when this fails
     * @param adapters at least one
     * @param options  what the user says about it
     * @return the merged checkpoint, to be closed by the caller
     * @throws FerryException when an adapter cannot be merged, is empty or broken, or was trained on another base; the sentence says why
     */
    public static MergedCheckpoint open(Checkpoint base, List<MergeInput> adapters, MergeOptions options) {
        Checkpoint below = base;
        try {
            below = DequantizedCheckpoint.of(base);
            for (MergeInput input : adapters) {
                below = open(below, base.name(), input, options);
            }
            if (below instanceof MergedCheckpoint merged) {
                return merged;
            }
            throw new IllegalArgumentException("no adapter to merge into " + base.name());
        } catch (RuntimeException e) {
            below.close();
            throw e;
        }
    }

    /**
     * Opens a base with an adapter that is still elsewhere: everything that names, shapes and configurations can refuse is refused, as {@link #open} does. What comes of it may be
     * planned with, not read; the base may be one without values too.
     *
     * @param base    the base; closed with the result, and also when this fails
     * @param adapter what is known of the adapter
     * @param options what the user says about it
     */
    public static MergedCheckpoint outline(Checkpoint base, AdapterOutline adapter, MergeOptions options) {
        Checkpoint below = base;
        try {
            below = DequantizedCheckpoint.of(base);
            return open(below, base.name(), AdapterFolder.outline(adapter), Optional.empty(), 1, options);
        } catch (RuntimeException e) {
            below.close();
            throw e;
        }
    }

    private static MergedCheckpoint open(Checkpoint below, String baseName, MergeInput input, MergeOptions options) {
        return open(below, baseName, AdapterFolder.open(input.folder()), input.initial(), input.weight(), options);
    }

    private static MergedCheckpoint open(Checkpoint below, String baseName, AdapterFolder adapter, Optional<Path> before, double weight, MergeOptions options) {
        Optional<AdapterFolder> initial = Optional.empty();
        try {
            initial = before.map(AdapterFolder::open);
            List<String> warnings = new ArrayList<>(BaseIdentity.check(adapter.name(), adapter.config().baseName(), options.configuredBase(), baseName, options.allowed()));
            Checkpoint base = replicated(below, adapter);
            MergePlan plan = new MergePlanner(base, adapter, initial, weight, options).plan();
            warnings.addAll(plan.warnings());
            ownFiles(adapter, base).ifPresent(warnings::add);
            return new MergedCheckpoint(base, adapter, initial, plan, List.copyOf(warnings));
        } catch (RuntimeException e) {
            adapter.close();
            initial.ifPresent(AdapterFolder::close);
            throw e;
        }
    }

    /** Tokenizer and template files of the adapter that are not the base's; the user should know that they are the ones that count. */
    private static Optional<String> ownFiles(AdapterFolder adapter, Checkpoint base) {
        List<String> own = FROM_ADAPTER.stream().sorted().filter(name -> adapter.file(name).isPresent() && base.file(name).isPresent() && differ(adapter.file(name).get(), base.file(name).get())).toList();
        return own.isEmpty() ? Optional.empty() : Optional.of("the adapter's own " + String.join(", ", own) + (own.size() == 1 ? " differs from the base's and is used" : " differ from the base's and are used"));
    }

    private static boolean differ(Path one, Path other) {
        try {
            return Files.mismatch(one, other) >= 0;
        } catch (IOException e) {
            throw new FerryException("Cannot compare " + one + " with " + other + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static Checkpoint replicated(Checkpoint below, AdapterFolder adapter) {
        if (adapter.config().layerReplication().isEmpty()) {
            return below;
        }
        if (below instanceof MergedCheckpoint) {
            throw new FerryException("Cannot merge " + adapter.name() + " after another adapter: its layer_replication builds a new stack of layers. Merge it first.");
        }
        return new ReplicatedCheckpoint(below, adapter.config().layerReplication());
    }

    @Override
    public String name() {
        return base.name() + " + " + adapter.name();
    }

    @Override
    public ObjectNode config() {
        return plan.config().deepCopy();
    }

    @Override
    public Optional<Path> file(String fileName) {
        Optional<Path> own = FROM_ADAPTER.contains(fileName) ? adapter.file(fileName) : Optional.empty();
        return own.isPresent() ? own : base.file(fileName);
    }

    @Override
    public TensorSource tensors() {
        return tensors;
    }

    /** The files of the base and of the adapters. */
    @Override
    public List<Path> files() {
        List<Path> below = base instanceof SourceFiles files ? files.files() : base.tensors() instanceof SourceFiles files ? files.files() : List.of();
        Stream<Path> own = Stream.concat(adapter.files().stream(), initial.stream().flatMap(before -> before.files().stream()));
        return Stream.concat(below.stream(), own).toList();
    }

    /** What is merged into: the base itself, or the base with the adapters before this one. */
    Checkpoint base() {
        return base;
    }

    AdapterFolder adapter() {
        return adapter;
    }

    MergePlan plan() {
        return plan;
    }

    /** What the user should know about the merge, this adapter's and those below. */
    public List<String> warnings() {
        List<String> below = base instanceof MergedCheckpoint merged ? merged.warnings() : List.of();
        return Stream.concat(below.stream(), warnings.stream()).toList();
    }

    /**
     * The merged tensors computed element by element, as a yardstick for {@link LandingCheck}. Slow; meant for a few rows. Belongs to
     * this checkpoint.
     */
    public TensorSource plain() {
        TensorSource below = base instanceof MergedCheckpoint merged ? merged.plain() : base.tensors();
        return new PlainTensors(below, tensors, plan.tensors());
    }

    /** The same model computed as in {@link #plain}: what a conversion of it must be compared with. Belongs to this checkpoint. */
    public Checkpoint asPlain() {
        return new PlainCheckpoint(this);
    }

    /** Ids of the tokens whose rows were trained one by one: all else in such an embedding stays as it was. */
    public List<Long> trainedTokens() {
        Stream<Long> own = plan.tensors().values().stream().flatMap(tensor -> tensor.tokens().stream()).flatMap(rows -> rows.indices().stream());
        return Stream.concat(base instanceof MergedCheckpoint merged ? merged.trainedTokens().stream() : Stream.of(), own).distinct().toList();
    }

    /**
     * Reads the rows of adapted tensors that nobody has read yet, so that {@link #report} is complete although a pass took what an earlier
     * one had written.
     *
     * @param threads      worker threads
     * @param cancellation stops it
     */
    public void measureRest(int threads, Cancellation cancellation) {
        if (base instanceof MergedCheckpoint merged) {
            merged.measureRest(threads, cancellation);
        }
        List<RowBlocks.Block> blocks = new ArrayList<>();
        plan.tensors().values().stream().filter(tensor -> !tensor.isMeasured()).map(MergedTensor::info).forEach(tensor -> RowBlocks.split(tensor, tensor, MEASURED_AT_ONCE, blocks));
        new RowBlocks(threads).run(blocks, block -> {
            cancellation.check("measure " + name());
            tensors.read(block.from(), block.firstRow(), block.rows(), new float[Math.toIntExact(block.rows() * block.from().rowLength())], 0);
        }, done -> { });
    }

    /** The base below all adapters. */
    public Checkpoint original() {
        return base instanceof MergedCheckpoint merged ? merged.original() : base;
    }

    /** Names of the tensors that adapters change or add, in the order of the checkpoint. */
    public List<String> adaptedTensors() {
        Set<String> adapted = new HashSet<>(plan.tensors().keySet());
        if (base instanceof MergedCheckpoint merged) {
            adapted.addAll(merged.adaptedTensors());
        }
        return tensors.tensors().stream().map(TensorInfo::name).filter(adapted::contains).toList();
    }

    /**
     * What the merge did, as far as rows were read: after a whole pass over the tensors it is complete.
     *
     * @return the report, without samples of written outputs
     * @throws dev.adapterferry.failure.Cancelled when the {@linkplain Cancellation#current current} request to stop comes
     */
    public MergeReport report() {
        return new MergeAccount(this).report();
    }

    @Override
    public void close() {
        adapter.close();
        initial.ifPresent(AdapterFolder::close);
        base.close();
    }
}
