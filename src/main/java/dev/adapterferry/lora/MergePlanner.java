package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.lora.AdapterKey.Part;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Decides, before a weight is read, what an adapter does to each tensor of a base. Every tensor of the adapter finds its use or the
 * plan fails, naming it: an adapter that is half understood would merge into a model that nobody trained.
 */
final class MergePlanner {
    private final Checkpoint base;
    private final AdapterFolder adapter;
    private final AdapterConfig config;
    private final Optional<AdapterFolder> initial;
    private final double weight;
    private final MergeOptions options;
    private final Drafts drafts;
    private final AdapterValues values;
    private final ClassifierHead head;

    /**
     * @param base    what to merge into
     * @param adapter what to merge
     * @param initial the adapter as it was before training, if the user gave it
     * @param weight  factor on the whole delta; 1 unless adapters are mixed
     * @param options what may pass
     */
    MergePlanner(Checkpoint base, AdapterFolder adapter, Optional<AdapterFolder> initial, double weight, MergeOptions options) {
        this.base = base;
        this.adapter = adapter;
        this.config = adapter.config();
        this.initial = initial;
        this.weight = weight;
        this.options = options;
        this.drafts = new Drafts(base, adapter.name());
        this.values = new AdapterValues(adapter.tensors());
        this.head = new ClassifierHead(drafts);
        drafts.warnings().addAll(config.warnings());
    }

    /** The plan. */
    MergePlan plan() {
        requirePlainBase();
        Initialization start = Initialization.of(config, initial.isPresent(), options, drafts);
        List<AdapterModule> modules = AdapterModule.of(adapter);
        requireEffect(modules);
        requireMixable(modules, start);
        requireUntouched(start);
        modules.forEach(this::replace);
        adapt(modules, new DeltaModules(drafts, adapter, values, weight, start));
        initial.ifPresent(before -> subtractInitial(before, modules));
        modules.stream().filter(module -> module.has(Part.TOKENS)).forEach(this::tokens);
        ObjectNode merged = base.config();
        new TiedEmbeddings(drafts, adapter).settle(merged);
        head.settle(merged);
        TokenizerFit.require(adapter, drafts);
        Map<String, MergedTensor> tensors = new LinkedHashMap<>();
        drafts.all().values().forEach(draft -> tensors.put(draft.info().name(), draft.finish()));
        return new MergePlan(tensors, merged, List.copyOf(drafts.warnings()));
    }

    /** A delta belongs onto full weights: added to quantized ones it would be rounded away. */
    private void requirePlainBase() {
        ObjectNode json = base.config();
        for (String key : List.of("quantization_config", "quantization", "compression_config")) {
            if (json.path(key).isObject()) {
                String method = json.path(key).path("quant_method").asText(json.path(key).path("bits").asText("unknown") + " bits");
                String original = BaseIdentity.sixteenBit(base.name());
                throw drafts.refusal("the base " + base.name() + " is quantized (" + PrintableName.of(method) + "). Merge into its 16-bit original"
                        + (original.equals(base.name()) ? "" : ", " + original));
            }
        }
    }

    /** A factor of zeros means that a module was never trained; where all are, so was the adapter. */
    private void requireEffect(List<AdapterModule> modules) {
        List<AdapterModule> adapted = modules.stream().filter(m -> m.parts().keySet().stream().anyMatch(MergePlanner::isFactor)).toList();
        List<String> untrained = adapted.stream().filter(m -> m.parts().entrySet().stream().anyMatch(p -> isFactor(p.getKey()) && adapter.isZero(p.getValue())))
                .map(AdapterModule::name).toList();
        boolean other = modules.stream().anyMatch(m -> m.has(Part.WEIGHT) || m.has(Part.BIAS) || m.has(Part.TOKENS) || m.has(Part.MAGNITUDE));
        if (!untrained.isEmpty() && untrained.size() == adapted.size() && !other) {
            throw drafts.refusal("it has no effect, because a factor of every module is zero. It was saved before it was trained");
        }
        List<String> unexpected = untrained.stream().filter(name -> !name.contains("expert") && !name.contains("vis")).toList();
        if (!unexpected.isEmpty() && !config.dora() && !options.allowed().contains("untrained-modules")) {
            throw drafts.refusal("a factor of module '" + PrintableName.of(unexpected.getFirst()) + "' is zero" + (unexpected.size() > 1 ? ", and of "
                    + (unexpected.size() - 1) + " more" : "") + ": they were not trained. If that was meant, allow 'untrained-modules' by name");
        }
        if (!untrained.isEmpty()) {
            drafts.warnings().add(untrained.size() + " of " + adapted.size() + " adapted modules were not trained, for example " + PrintableName.of(untrained.getFirst()));
        }
    }

    private static boolean isFactor(Part part) {
        return part == Part.A || part == Part.B || part == Part.EMBEDDING_A || part == Part.EMBEDDING_B;
    }

    /** What a start took out of the base can be computed from that base alone. */
    private void requireUntouched(Initialization start) {
        if (start.changesBase() && base instanceof MergedCheckpoint) {
            throw drafts.refusal(config.init() + " changed the base that it was trained on, and another adapter lies in between. Name it before the other adapters");
        }
    }

    /** A weight other than 1 has a meaning for deltas alone. */
    private void requireMixable(List<AdapterModule> modules, Initialization start) {
        if (weight != 1) {
            modules.forEach(module -> module.parts().forEach((part, tensor) -> {
                if (!isFactor(part)) {
                    throw drafts.refusal("with weight " + weight + " only plain deltas can be mixed; tensor '" + PrintableName.of(tensor.name()) + "' is none. Merge it with weight 1");
                }
            }));
            if (start.changesBase()) {
                throw drafts.refusal("with weight " + weight + " only plain deltas can be mixed; " + config.init() + " changed the base. Merge it with weight 1");
            }
        }
    }

    /** Modules that the adapter holds whole come first: deltas may lie on top of them. */
    private void replace(AdapterModule module) {
        for (Part part : new Part[] {Part.WEIGHT, Part.BIAS}) {
            if (module.has(part)) {
                replace(module, module.part(part), part == Part.WEIGHT ? ".weight" : ".bias");
            }
        }
    }

    private void replace(AdapterModule module, TensorInfo whole, String suffix) {
        if (head.add(adapter, module.name(), whole, suffix)) {
            return;
        }
        TensorDraft draft = drafts.of(module.name(), suffix);
        List<Long> shape = draft.info().shape();
        boolean vocabulary = suffix.equals(".weight") && whole.rank() == 2 && shape.size() == 2 && whole.rowLength() == shape.get(1)
                && (ModuleNames.isHead(module.name()) || ModuleNames.isEmbedding(module.name()));
        if (!whole.shape().equals(shape) && !vocabulary) {
            throw drafts.misfit(module.name(), "the file holds it whole with shape " + whole.shape() + ", the base with " + shape
                    + ". The adapter was trained on another base or architecture");
        }
        boolean told = config.format() == AdapterConfig.Format.MLX || vocabulary || suffix.equals(".bias") && !config.bias().equals("none")
                || config.modulesToSave().stream().anyMatch(saved -> module.name().equals(saved) || module.name().endsWith("." + saved) || module.name().contains(saved + "."));
        if (!told) {
            drafts.warnings().add("the file holds '" + PrintableName.of(whole.name()) + "' whole, which adapter_config.json does not mention; it replaces the base's");
        }
        draft.replace(adapter.tensors(), whole);
    }

    private void adapt(List<AdapterModule> modules, DeltaModules deltas) {
        ExpertModules experts = new ExpertModules(deltas);
        Map<String, List<AdapterModule>> wrapped = new LinkedHashMap<>();
        for (AdapterModule module : modules) {
            if (experts.owns(module)) {
                Set<Part> others = EnumSet.copyOf(module.parts().keySet());
                others.removeAll(EnumSet.of(Part.A, Part.B, Part.WEIGHT, Part.BIAS));
                if (!others.isEmpty()) {
                    throw drafts.misfit(module.name(), "the file holds '" + PrintableName.of(module.part(others.iterator().next()).name()) + "' for it, which fused parameters do not have. Train it with plain LoRA");
                }
                wrapped.computeIfAbsent(module.name(), name -> new ArrayList<>()).add(module);
            } else if (module.has(Part.MAGNITUDE) && !module.has(Part.A) && !module.has(Part.EMBEDDING_A)) {
                throw drafts.misfit(module.name(), "the file holds a magnitude vector for it, but no factors. Pull the adapter again");
            } else if (module.has(Part.B_BIAS) && !module.has(Part.A)) {
                throw drafts.misfit(module.name(), "the file holds a bias of its second factor, but no factors. Pull the adapter again");
            } else {
                deltas.plan(module);
            }
        }
        wrapped.values().forEach(experts::plan);
    }

    /** {@code Δ = s·(B·A − B0·A0)}: what training added to an adapter that began as a part of the base. */
    private void subtractInitial(AdapterFolder before, List<AdapterModule> modules) {
        List<AdapterModule> earlier = AdapterModule.of(before);
        List<String> names = modules.stream().filter(m -> m.parts().keySet().stream().anyMatch(MergePlanner::isFactor)).map(AdapterModule::name).sorted().toList();
        List<String> earlierNames = earlier.stream().map(AdapterModule::name).sorted().toList();
        if (!names.equals(earlierNames) || earlier.stream().anyMatch(m -> !m.parts().keySet().stream().allMatch(MergePlanner::isFactor))) {
            throw drafts.refusal("the initial adapter " + before.name() + " does not have the same modules. Give the one from which this adapter was trained");
        }
        adapt(earlier, new DeltaModules(drafts, before, new AdapterValues(before.tensors()), -weight, Initialization.PLAIN));
    }

    private void tokens(AdapterModule module) {
        TensorInfo rows = module.part(Part.TOKENS);
        List<Long> indices = config.trainableTokens().entrySet().stream()
                .filter(e -> e.getKey().isEmpty() ? ModuleNames.isEmbedding(module.name()) : module.name().equals(e.getKey()) || module.name().endsWith("." + e.getKey()))
                .map(Map.Entry::getValue).findFirst().orElseThrow(() -> drafts.misfit(module.name(), "the file holds trained token rows for it, but trainable_token_indices names none. Pull the adapter again, both files together"));
        TensorDraft draft = drafts.of(module.name(), ".weight");
        List<Long> shape = draft.info().shape();
        if (rows.rank() != 2 || rows.shape().getFirst() != indices.size() || shape.size() != 2 || rows.rowLength() != shape.get(1)) {
            throw drafts.misfit(module.name(), "its trained token rows have shape " + rows.shape() + ", expected " + indices.size() + " rows as long as the embedding's, " + shape + ". The adapter was trained on another base or architecture: name the one that it was trained on");
        }
        indices.stream().filter(index -> index >= shape.getFirst()).findFirst().ifPresent(index -> {
            throw drafts.misfit(module.name(), "token " + index + " was trained, but the embedding has " + shape.getFirst() + " rows; its resized version was not saved. Save the adapter again with save_embedding_layers=True");
        });
        if (!draft.deltas().isEmpty()) {
            throw drafts.misfit(module.name(), "it has both trained token rows and a delta, which PEFT does not make. Save the adapter again");
        }
        draft.tokens(new TokenRows(values, rows, indices));
    }
}
