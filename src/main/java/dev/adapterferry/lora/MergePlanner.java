package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.lora.AdapterConfig.Format;
import dev.adapterferry.lora.AdapterKey.Part;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides, before anything is read, what an adapter does to each tensor of a base. Every tensor of the adapter finds its use or the
 * plan fails, naming it: an adapter that is half understood would merge into a model that nobody trained.
 */
final class MergePlanner {
    private final Checkpoint base;
    private final TensorSource source;
    private final AdapterFolder adapter;
    private final AdapterConfig config;
    private final AdapterValues values;
    private final double weight;
    private final BlockProduct product;
    private final ModuleNames names;
    private final Map<String, TensorDraft> drafts = new LinkedHashMap<>();
    private final List<String> warnings = new ArrayList<>();

    /**
     * @param base    what to merge into
     * @param adapter what to merge
     * @param weight  factor on the whole delta; 1 unless adapters are mixed
     * @param product multiplies
     */
    MergePlanner(Checkpoint base, AdapterFolder adapter, double weight, BlockProduct product) {
        this.base = base;
        this.source = base.tensors();
        this.adapter = adapter;
        this.config = adapter.config();
        this.values = new AdapterValues(adapter.tensors());
        this.weight = weight;
        this.product = product;
        this.names = new ModuleNames(source, adapter.name());
        this.warnings.addAll(config.warnings());
    }

    /** The plan. */
    MergePlan plan() {
        List<AdapterModule> modules = AdapterModule.of(adapter);
        modules.forEach(this::replace);
        modules.forEach(this::adapt);
        ObjectNode merged = base.config();
        Map<String, MergedTensor> tensors = new LinkedHashMap<>();
        drafts.forEach((name, draft) -> tensors.put(name, draft.finish(product)));
        return new MergePlan(tensors, merged, List.copyOf(warnings));
    }

    /** Modules that the adapter holds whole come first: deltas may lie on top of them. */
    private void replace(AdapterModule module) {
        for (Part part : new Part[] {Part.WEIGHT, Part.BIAS}) {
            if (module.has(part)) {
                TensorInfo whole = module.part(part);
                TensorDraft draft = draft(module.name(), part == Part.WEIGHT ? ".weight" : ".bias");
                if (!whole.shape().equals(draft.info().shape())) {
                    throw misfit(module, "the file holds it whole with shape " + whole.shape() + ", the base with " + draft.info().shape());
                }
                draft.replace(adapter.tensors(), whole);
            }
        }
    }

    private void adapt(AdapterModule module) {
        if (module.has(Part.A) || module.has(Part.B)) {
            linear(module, pair(module, Part.A, Part.B));
        }
        for (Part part : new Part[] {Part.EMBEDDING_A, Part.EMBEDDING_B, Part.MAGNITUDE, Part.B_BIAS, Part.TOKENS}) {
            if (module.has(part)) {
                throw new FerryException("Cannot merge " + adapter.name() + ": tensor '" + PrintableName.of(module.part(part).name()) + "' is not supported yet.");
            }
        }
    }

    private record Pair(TensorInfo a, TensorInfo b) { }

    private Pair pair(AdapterModule module, Part a, Part b) {
        if (!module.has(a) || !module.has(b)) {
            throw misfit(module, "the file holds '" + PrintableName.of(module.part(module.has(a) ? a : b).name()) + "' without its counterpart. Pull the adapter again");
        }
        return new Pair(module.part(a), module.part(b));
    }

    private void linear(AdapterModule module, Pair pair) {
        TensorDraft draft = draft(module.name(), ".weight");
        List<Long> shape = draft.info().shape();
        int rank = rank(module, pair.a(), pair.a().shape().getFirst());
        long in = pair.a().rowLength();
        long out = pair.b().shape().getFirst();
        if (pair.a().rank() != 2 || pair.b().rank() != 2 || pair.b().rowLength() != rank || shape.size() != 2 || shape.get(0) != out || shape.get(1) != in) {
            throw misfit(module, "A is " + pair.a().shape() + " and B " + pair.b().shape() + ", which does not fit the base's " + shape
                    + ". The adapter was trained on another base or architecture");
        }
        FactorLayout.Shape strides = new FactorLayout.Shape(rank, 1, 0, (int) in, rank, (int) out);
        draft.add(new Delta(values, FactorLayout.LINEAR, pair.a(), pair.b(), strides, weight * config.scaleOf(module.name(), rank), 0, (int) out, 0, (int) in));
    }

    private int rank(AdapterModule module, TensorInfo tensor, long rows) {
        int expected = config.rankOf(module.name());
        if (rows != expected) {
            throw new FerryException("Cannot merge " + adapter.name() + ": tensor '" + PrintableName.of(tensor.name()) + "' has rank " + rows
                    + ", adapter_config.json says " + expected + ". Pull the adapter again, both files together.");
        }
        return expected;
    }

    private TensorDraft draft(String module, String suffix) {
        TensorInfo tensor = names.get(module, suffix);
        return drafts.computeIfAbsent(tensor.name(), name -> new TensorDraft(name, source, tensor));
    }

    private FerryException misfit(AdapterModule module, String what) {
        return new FerryException("Cannot merge " + adapter.name() + " into " + base.name() + ": module '" + PrintableName.of(module.name()) + "': " + what + ".");
    }
}
