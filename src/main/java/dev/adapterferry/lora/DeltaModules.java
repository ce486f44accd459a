package dev.adapterferry.lora;

import dev.adapterferry.lora.AdapterConfig.Format;
import dev.adapterferry.lora.AdapterKey.Part;
import dev.adapterferry.tensor.BoundedCache;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** Plans the low-rank deltas of linear layers, convolutions, embeddings and biases, and DoRA's magnitudes on them. */
final class DeltaModules {
    /** Models whose projections are {@code Conv1D}, stored {@code (in, out)}. Square ones can be told by nothing else. */
    private static final Set<String> CONV1D_MODELS = Set.of("gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp");

    private final Drafts drafts;
    private final AdapterFolder adapter;
    private final AdapterConfig config;
    private final AdapterValues values;
    private final double weight;
    private final Initialization start;
    private final BoundedCache<TensorInfo, double[][]> decompositions =
            new BoundedCache<>(64L << 20, parts -> Arrays.stream(parts).mapToLong(part -> (long) part.length * Double.BYTES).sum());

    /**
     * @param drafts  the plan
     * @param adapter the adapter
     * @param values  its values
     * @param weight  factor on every delta
     * @param start   what the initialisation took out of the base
     */
    DeltaModules(Drafts drafts, AdapterFolder adapter, AdapterValues values, double weight, Initialization start) {
        this.drafts = drafts;
        this.adapter = adapter;
        this.config = adapter.config();
        this.values = values;
        this.weight = weight;
        this.start = start;
    }

    /** Plans the deltas of a module. */
    void plan(AdapterModule module) {
        if (module.has(Part.A) || module.has(Part.B)) {
            linear(module);
        }
        if (module.has(Part.EMBEDDING_A) || module.has(Part.EMBEDDING_B)) {
            embedding(module, pair(module, Part.EMBEDDING_A, Part.EMBEDDING_B), FactorLayout.TRANSPOSED);
        }
        if (module.has(Part.B_BIAS)) {
            bias(module, module.part(Part.B_BIAS));
        }
    }

    /** A and B of a module. */
    record Pair(TensorInfo a, TensorInfo b) { }

    Pair pair(AdapterModule module, Part a, Part b) {
        if (!module.has(a) || !module.has(b)) {
            throw drafts.misfit(module.name(), "the file holds '" + PrintableName.of(module.part(module.has(a) ? a : b).name())
                    + "' without its counterpart. Pull the adapter again");
        }
        return new Pair(module.part(a), module.part(b));
    }

    /** Refuses a rank that is not the configured one: a pattern that matched in training does not match here, or the files do not belong together. */
    int rank(String module, TensorInfo tensor, long found) {
        int expected = config.rankOf(module);
        if (found != expected) {
            throw drafts.refusal("tensor '" + PrintableName.of(tensor.name()) + "' has rank " + found + ", adapter_config.json says " + expected
                    + ". Pull the adapter again, both files together");
        }
        return expected;
    }

    double scale(String module, int rank) {
        return weight * config.scaleOf(module, rank);
    }

    private void linear(AdapterModule module) {
        Pair pair = pair(module, Part.A, Part.B);
        if (config.format() == Format.MLX) {
            mlx(module, pair);
            return;
        }
        TensorDraft draft = drafts.of(module.name(), ".weight");
        List<Long> shape = draft.info().shape();
        int rank = rank(module.name(), pair.a(), pair.a().shape().getFirst());
        long in = pair.a().elements() / rank;
        long out = pair.b().elements() / rank;
        boolean factors = pair.a().rank() >= 2 && pair.b().rank() >= 2 && pair.a().rank() == pair.b().rank() && pair.b().shape().get(1) == rank
                && pair.b().elements() == out * rank && pair.b().shape().getFirst() == out;
        long rows = shape.getFirst();
        long cols = rows == 0 ? 0 : draft.info().elements() / rows;
        boolean plain = factors && shape.size() == pair.a().rank() && shape.subList(1, shape.size()).equals(pair.a().shape().subList(1, shape.size()))
                && (rows == out || draft.isReplaced() && rows > out);
        boolean transposed = factors && shape.size() == 2 && rows == in && cols == out;
        if (!plain && !transposed) {
            throw drafts.misfit(module.name(), "A is " + pair.a().shape() + " and B " + pair.b().shape() + ", which does not fit the base's " + shape
                    + ". The adapter was trained on another base or architecture" + (ModuleNames.isHead(module.name()) ? ", or its resized vocabulary was not saved" : ""));
        }
        boolean flip = transposed && (!plain || isConv1d());
        FactorLayout.Shape strides = new FactorLayout.Shape(rank, 1, 0, (int) in, rank, (int) out);
        draft.add(new Delta(values, flip ? FactorLayout.TRANSPOSED : FactorLayout.LINEAR, pair.a(), pair.b(), strides, scale(module.name(), rank),
                0, (int) (flip ? in : out), 0, (int) cols));
        residual(module, draft, rank, flip);
        magnitude(module, draft, flip);
    }

    /** PEFT changes the base of linear layers only; embeddings start as usual. */
    private void residual(AdapterModule module, TensorDraft draft, int rank, boolean flip) {
        if (!start.changesBase()) {
            return;
        }
        if (ModuleNames.isHead(module.name()) && drafts.newHead().isPresent()) {
            throw drafts.misfit(module.name(), config.init() + " changed the output head, and with it the input embedding that the base shares with it; such a base cannot be made again. Give the adapter as it was before training (--initial)");
        }
        if (start == Initialization.ORTHONORMAL && flip || draft.info().rank() != 2) {
            throw drafts.misfit(module.name(), config.init() + " is not defined for a weight of this form. Give the adapter as it was before training (--initial)");
        }
        draft.residual(start == Initialization.PRINCIPAL ? new PrincipalPart(draft.source(), draft.origin(), rank, decompositions)
                : new OrthonormalPart(draft.source(), draft.origin(), rank, config.scaleOf(module.name(), rank), decompositions));
    }

    private boolean isConv1d() {
        String model = drafts.base().config().path("model_type").asText("");
        return CONV1D_MODELS.contains(model) || model.isEmpty() && config.fanInFanOut();
    }

    private void embedding(AdapterModule module, Pair pair, FactorLayout layout) {
        TensorDraft draft = drafts.of(module.name(), ".weight");
        boolean mlx = layout == FactorLayout.MLX_EMBEDDING;
        int rank = rank(module.name(), pair.a(), pair.a().shape().get(mlx ? 1 : 0));
        long vocabulary = mlx ? pair.a().shape().getFirst() : pair.a().rowLength();
        long dim = mlx ? pair.b().rowLength() : pair.b().shape().getFirst();
        List<Long> shape = draft.info().shape();
        boolean fits = pair.a().rank() == 2 && pair.b().rank() == 2 && pair.b().elements() == dim * rank && shape.size() == 2 && shape.get(1) == dim
                && (shape.get(0) == vocabulary || draft.isReplaced() && shape.get(0) > vocabulary);
        if (!fits) {
            throw drafts.misfit(module.name(), "its embedding factors are " + pair.a().shape() + " and " + pair.b().shape() + ", which does not fit the base's " + shape
                    + (shape.size() == 2 && shape.get(1) == dim ? ". The vocabulary was resized for the training and the resized embedding was not saved"
                    : ". The adapter was trained on another base or architecture"));
        }
        FactorLayout.Shape strides = new FactorLayout.Shape(rank, 1, 0, (int) pair.a().rowLength(), (int) pair.b().rowLength(), (int) pair.b().rows());
        draft.add(new Delta(values, layout, pair.a(), pair.b(), strides, scale(module.name(), rank), 0, (int) vocabulary, 0, (int) dim));
        magnitude(module, draft, !mlx);
    }

    private void mlx(AdapterModule module, Pair pair) {
        if (ModuleNames.isEmbedding(module.name())) {
            embedding(module, pair, FactorLayout.MLX_EMBEDDING);
            return;
        }
        TensorDraft draft = drafts.of(module.name(), ".weight");
        List<Long> shape = draft.info().shape();
        long in = pair.a().shape().getFirst();
        long out = pair.b().rowLength();
        int rank = rank(module.name(), pair.a(), pair.a().rowLength());
        if (pair.a().rank() != 2 || pair.b().rank() != 2 || pair.b().shape().getFirst() != rank || !shape.equals(List.of(out, in))) {
            throw drafts.misfit(module.name(), "lora_a is " + pair.a().shape() + " and lora_b " + pair.b().shape() + ", which does not fit the base's " + shape
                    + ". The adapter was trained on another base or architecture");
        }
        FactorLayout.Shape strides = new FactorLayout.Shape(rank, 1, 0, rank, (int) out, rank);
        draft.add(new Delta(values, FactorLayout.MLX_LINEAR, pair.a(), pair.b(), strides, scale(module.name(), rank), 0, (int) out, 0, (int) in));
        magnitude(module, draft, false);
    }

    private void magnitude(AdapterModule module, TensorDraft draft, boolean byColumn) {
        if (module.has(Part.MAGNITUDE) != config.dora()) {
            throw drafts.misfit(module.name(), config.dora() ? "adapter_config.json says DoRA, but the file holds no magnitude vector for it. Pull the adapter again, both files together"
                    : "the file holds a magnitude vector, but adapter_config.json does not say use_dora. Pull the adapter again, both files together");
        }
        if (config.dora()) {
            TensorInfo lengths = module.part(Part.MAGNITUDE);
            long expected = byColumn ? draft.info().rowLength() : draft.info().shape().getFirst();
            if (lengths.elements() != expected) {
                throw drafts.misfit(module.name(), "its magnitude vector has " + lengths.elements() + " values, the base's weight needs " + expected + ". The adapter was trained on another base or architecture: name the one that it was trained on");
            }
            draft.magnitude(new Magnitude(values.all(lengths), byColumn));
        }
    }

    /** {@code lora_bias}: the second layer has a bias of its own, which is scaled like the rest. */
    private void bias(AdapterModule module, TensorInfo bias) {
        if (drafts.names().find(module.name(), ".bias").isEmpty()) {
            throw drafts.misfit(module.name(), "the adapter has a bias ('" + PrintableName.of(bias.name()) + "'), the base's layer has none that could take it. The adapter was trained on another base or architecture: name the one that it was trained on");
        }
        TensorDraft draft = drafts.of(module.name(), ".bias");
        if (!draft.info().shape().equals(bias.shape()) || bias.rank() != 1) {
            throw drafts.misfit(module.name(), "its lora_B.bias has shape " + bias.shape() + ", the base's bias " + draft.info().shape() + ". The adapter was trained on another base or architecture: name the one that it was trained on");
        }
        int length = (int) bias.elements();
        int rank = config.rankOf(module.name());
        draft.add(new Delta(values, FactorLayout.BIAS, bias, bias, new FactorLayout.Shape(1, 1, 0, length, length, 1), scale(module.name(), rank), 0, 1, 0, length));
    }

    AdapterFolder adapter() {
        return adapter;
    }

    AdapterValues values() {
        return values;
    }

    Drafts drafts() {
        return drafts;
    }
}
