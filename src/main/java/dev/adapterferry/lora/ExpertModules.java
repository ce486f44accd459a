package dev.adapterferry.lora;

import dev.adapterferry.lora.AdapterKey.Part;
import dev.adapterferry.lora.ExpertParameters.Parameter;
import dev.adapterferry.lora.ExpertParameters.Piece;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Plans the deltas of mixture-of-experts layers, whose experts an adapter sees fused in one parameter, while a checkpoint has them
 * fused, packed as MXFP4, or one by one. Source: PEFT's {@code ParamWrapper}, mlx-lm's {@code SwitchLinear}.
 */
final class ExpertModules {
    /** Parameters in the order in which models define them, which is the order in which PEFT wraps them from the inside out. */
    private static final List<String> DEFINITION_ORDER = List.of("gate_up_proj", "gate_proj", "w1", "up_proj", "w3", "down_proj", "w2");
    private final DeltaModules deltas;
    private final AdapterConfig config;
    private final Drafts drafts;
    private final ExpertParameters base;

    /** @param deltas plans everything that is no expert; shares its adapter, values and scale */
    ExpertModules(DeltaModules deltas) {
        this.deltas = deltas;
        this.config = deltas.adapter().config();
        this.drafts = deltas.drafts();
        this.base = new ExpertParameters(drafts);
    }

    /** Whether a module's A and B are those of fused parameters. */
    boolean owns(AdapterModule module) {
        if (config.format() == AdapterConfig.Format.MLX) {
            return module.has(Part.A) && module.part(Part.A).rank() == 3 || module.name().contains(".switch_mlp.");
        }
        return module.has(Part.A) && !candidates(module.name()).isEmpty();
    }

    /** Plans all fused parameters of one module. */
    void plan(List<AdapterModule> wrappers) {
        if (config.format() == AdapterConfig.Format.MLX) {
            wrappers.forEach(this::mlx);
            return;
        }
        String module = wrappers.getFirst().name();
        List<Parameter> parameters = new ArrayList<>();
        for (String name : candidates(module)) {
            base.find(module, name).ifPresent(parameters::add);
        }
        Map<Parameter, AdapterModule> assigned = new HashMap<>();
        for (AdapterModule wrapper : wrappers) {
            Parameter parameter = choose(wrapper, wrappers.size(), parameters);
            if (assigned.put(parameter, wrapper) != null) {
                throw drafts.misfit(module, "two of its parameters fit only '" + parameter.name() + "'. The adapter was trained on another base or architecture");
            }
            add(wrapper, parameter);
        }
    }

    private List<String> candidates(String module) {
        return config.targetParameters().stream().filter(target -> {
            String path = module + "." + ModuleNames.lastPart(target);
            return path.equals(target) || path.endsWith("." + target);
        }).map(ModuleNames::lastPart).distinct().toList();
    }

    /** The parameter that a wrapper belongs to: by shape, and where shapes do not tell, by the order of wrapping. */
    private Parameter choose(AdapterModule wrapper, int wrappers, List<Parameter> parameters) {
        DeltaModules.Pair pair = deltas.pair(wrapper, Part.A, Part.B);
        List<Parameter> fitting = parameters.stream().filter(p -> fits(p, pair)).toList();
        if (fitting.isEmpty()) {
            throw drafts.misfit(wrapper.name(), "A is " + pair.a().shape() + " and B " + pair.b().shape() + ", which fits none of its parameters "
                    + parameters.stream().map(p -> p.name() + " " + List.of(p.experts(), p.rows(), p.cols())).toList() + ". The adapter was trained on another base or architecture");
        }
        if (fitting.size() == 1) {
            return fitting.getFirst();
        }
        List<Parameter> ordered = parameters.stream().sorted(Comparator.comparingInt(p -> DEFINITION_ORDER.indexOf(p.name()))).toList();
        if (ordered.size() != wrappers || !DEFINITION_ORDER.contains(ordered.getFirst().name())) {
            throw drafts.misfit(wrapper.name(), "its factors could belong to any of " + fitting.stream().map(Parameter::name).toList() + ". Merge it with PEFT, and carry the merged checkpoint");
        }
        return ordered.get(wrappers - 1 - wrapper.nesting());
    }

    private static boolean fits(Parameter p, DeltaModules.Pair pair) {
        return pair.a().rank() == 2 && pair.b().rank() == 2 && pair.a().shape().getFirst() % p.experts() == 0
                && pair.b().rowLength() == pair.a().shape().getFirst() && (plain(p, pair) || flipped(p, pair));
    }

    /** Factors of a parameter {@code (E, out, in)}. */
    private static boolean plain(Parameter p, DeltaModules.Pair pair) {
        return pair.a().rowLength() == p.cols() && pair.b().rows() == p.rows();
    }

    /** Factors of a parameter {@code (E, in, out)}, or of one that the PEFT of the day took for such. */
    private static boolean flipped(Parameter p, DeltaModules.Pair pair) {
        return pair.a().rowLength() == p.rows() && pair.b().rows() == p.cols();
    }

    private void add(AdapterModule wrapper, Parameter p) {
        DeltaModules.Pair pair = deltas.pair(wrapper, Part.A, Part.B);
        String path = wrapper.name() + "." + p.name();
        int rank = deltas.rank(path, pair.a(), pair.a().shape().getFirst() / p.experts());
        boolean flip = flipped(p, pair) && (!plain(p, pair) || takesInFirst(path, p) != p.turned());
        // A two-dimensional parameter is an ordinary layer: (out, in), never flipped.
        FactorLayout layout = flip ? FactorLayout.EXPERTS_TRANSPOSED : FactorLayout.EXPERTS;
        for (int expert = 0; expert < p.experts(); expert++) {
            FactorLayout.Shape strides = new FactorLayout.Shape(rank, p.experts(), expert, (int) pair.a().rowLength(), (int) pair.b().rowLength(), 0);
            place(p.places().get(expert), pair, layout, strides, deltas.scale(path, rank), p.cols());
        }
    }

    private void place(List<Piece> pieces, DeltaModules.Pair pair, FactorLayout layout, FactorLayout.Shape strides, double scale, int cols) {
        int skip = 0;
        for (Piece piece : pieces) {
            drafts.of(piece.tensor()).add(new Delta(deltas.values(), layout, pair.a(), pair.b(), strides, scale, piece.firstRow(), piece.rows(), skip, cols));
            skip += piece.rows();
        }
    }

    /** Where a parameter is square, only PEFT's version tells which of its dimensions it took for the input. */
    private boolean takesInFirst(String path, Parameter p) {
        if (p.experts() == 1 && p.places().getFirst().getFirst().tensor().rank() == 2) {
            return false;
        }
        if (config.peftVersion().isEmpty() && p.transposed()) {
            // PEFT writes its version since 0.18; all versions but 0.19.0 take the inputs of such models first.
            return true;
        }
        String version = config.peftVersion().orElseThrow(() -> drafts.misfit(path, "it is square, and the adapter does not say which PEFT version trained it;"
                + " versions differ in which dimension they take for the input. Write that version into its adapter_config.json as peft_version"));
        int[] numbers = version(version);
        int release = numbers[0] * 1_000_000 + numbers[1] * 1000 + numbers[2];
        if (release < 19_000) {
            return true;
        }
        if (release < 19_001 || release == 19_001 && version.contains("dev")) {
            throw drafts.misfit(path, "it is square, and PEFT " + version + " took its dimensions in a wrong order that nothing can tell now. Train it with another version");
        }
        return p.transposed();
    }

    private static int[] version(String text) {
        int[] numbers = new int[3];
        String[] parts = text.split("[.+@]");
        for (int i = 0; i < 3 && i < parts.length && parts[i].matches("\\d{1,3}"); i++) {
            numbers[i] = Integer.parseInt(parts[i]);
        }
        return numbers;
    }

    /** mlx-lm: one module per projection, all experts in one tensor. */
    private void mlx(AdapterModule module) {
        DeltaModules.Pair pair = deltas.pair(module, Part.A, Part.B);
        String projection = ModuleNames.lastPart(module.name());
        String experts = module.name().substring(0, module.name().length() - projection.length() - 1).replace(".switch_mlp", ".experts");
        Parameter p = base.find(experts, projection).or(() -> base.half(experts, projection)).orElseThrow(() -> drafts.misfit(module.name(), "the base has no experts of that name. The adapter was trained on another base or architecture: name the one that it was trained on"));
        if (p.transposed() && !p.turned()) {
            throw drafts.misfit(module.name(), "the base stores its experts inputs first, into which adapters of mlx-lm are not merged. Fuse it with mlx_lm.fuse and convert the result");
        }
        long count = pair.b().shape().getFirst();
        long out = pair.b().rank() == 3 ? pair.b().shape().get(1) : -1;
        int rank = deltas.rank(module.name(), pair.b(), pair.b().rowLength());
        if (count != p.experts() || out != p.rows() || pair.a().rowLength() != p.cols() || pair.a().elements() != count * rank * p.cols()) {
            throw drafts.misfit(module.name(), "lora_a is " + pair.a().shape() + " and lora_b " + pair.b().shape() + ", which does not fit the base's "
                    + p.experts() + " experts of " + p.rows() + " × " + p.cols() + ". The adapter was trained on another base or architecture: name the one that it was trained on");
        }
        for (int e = 0; e < p.experts(); e++) {
            FactorLayout.Shape strides = new FactorLayout.Shape(rank, p.experts(), e, p.cols(), rank, (int) out);
            place(p.places().get(e), pair, FactorLayout.MLX_EXPERTS, strides, deltas.scale(module.name(), rank), p.cols());
        }
    }
}
