package dev.adapterferry.convert;

import dev.adapterferry.convert.Architecture.Output;
import dev.adapterferry.convert.Architecture.Step;
import dev.adapterferry.convert.transform.Reshaped;
import dev.adapterferry.convert.transform.Stacked;
import dev.adapterferry.convert.transform.StoredTensor;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.convert.transform.Transforms;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Decides what each checkpoint tensor becomes: names, transforms, order. Nothing is read. The order is llama.cpp's
 * converter's: as the checkpoint lists them, a stack of experts where its last part stands.
 */
final class TensorPlan {
    /** Transforms that join several checkpoint tensors; known here, not to {@link Transforms}. */
    static final Set<String> COLLECTING = Set.of("stack");

    /** Tensors of vision and audio towers, and leftovers that no graph uses. */
    private static final Pattern SKIPPED = Pattern.compile("^(mlp|vit\\.|vpm\\.|siglip2\\.|conformer\\.|merger\\.|resampler\\.|sound_encoder\\.|sound_projection\\.|"
            + "speech_embeddings\\.).*|.*(visual\\.|vision\\.|audio\\.|talker\\.|vision_|audio_|token2wav\\.|code2wav\\.|projector\\.|pre_mm_projector_norm|"
            + "image_newline|view_seperator|patch_embed|patch_merger\\.|patch_merge_mlp\\.|model\\.connector\\.).*|"
            + ".*(\\.attention\\.masked_bias|\\.attention\\.bias|\\.rotary_emb\\.inv_freq)$");
    private static final Pattern NUMBER = Pattern.compile("[0-9]+");
    private static final int NAMES_IN_A_MESSAGE = 6;

    private final String model;
    private final Architecture architecture;
    private final ModelConfig config;
    private final int blocks;
    private final Map<String, TensorView> views = new LinkedHashMap<>();
    private final Map<String, Set<Integer>> seen = new LinkedHashMap<>();
    private final Map<Integer, ExpertStacks> stacks = new TreeMap<>();
    private final List<String> unknown = new ArrayList<>();

    private TensorPlan(String model, Architecture architecture, ModelConfig config) {
        this.model = model;
        this.architecture = architecture;
        this.config = config;
        this.blocks = Math.toIntExact(config.findLong("block_count").orElseThrow());
    }

    /**
     * Plans all tensors of a checkpoint.
     *
     * @param model  the checkpoint's name, for messages
     * @param first  generated tensors, which come first
     * @param source the checkpoint's tensors
     * @return views under GGUF names, in the order of the file
     * @throws FerryException when a tensor is unknown, missing, or of a shape that the transforms cannot take; names it
     */
    static Map<String, TensorView> plan(String model, Architecture architecture, ModelConfig config, Map<String, TensorView> first, TensorSource source) {
        TensorPlan plan = new TensorPlan(model, architecture, config);
        plan.views.putAll(first);
        source.tensors().forEach(tensor -> plan.add(source, tensor));
        plan.refuseUnknown();
        plan.refuseMissing();
        return plan.views;
    }

    private void add(TensorSource source, TensorInfo tensor) {
        String name = tensor.name().replaceAll("e_score_correction_bias$", "e_score_correction.bias").replace("language_model.", "");
        if (SKIPPED.matcher(name).matches()) {
            return;
        }
        for (Map.Entry<String, String> rename : architecture.rename().entrySet()) {
            name = name.replaceAll(rename.getKey(), rename.getValue());
        }
        String finalName = name;
        if (architecture.drop().stream().anyMatch(finalName::matches)) {
            return;
        }
        Address address = Address.of(name);
        String suffix = "";
        List<Output> outputs = architecture.tensors().get(address.pattern());
        if (outputs == null) {
            int dot = name.lastIndexOf('.');
            suffix = dot < 0 ? "" : name.substring(dot);
            if (suffix.equals(".weight") || suffix.equals(".bias")) {
                address = Address.of(name.substring(0, dot));
                outputs = architecture.tensors().get(address.pattern());
            }
        }
        if (outputs == null || address.layer() >= blocks) {
            unknown.add(tensor.name());
            return;
        }
        seen.computeIfAbsent(address.pattern() + suffix, p -> new TreeSet<>()).add(address.layer());
        TensorView stored = new StoredTensor(source, tensor);
        for (Output output : outputs) {
            place(tensor, address, suffix, output, stored);
        }
    }

    private void place(TensorInfo tensor, Address address, String suffix, Output output, TensorView stored) {
        String name = layered(output.name(), address.layer()) + suffix;
        TensorView view = stored;
        for (Step step : output.steps()) {
            if (step.name().equals("stack")) {
                ExpertStacks layer = stacks.computeIfAbsent(address.layer(), ExpertStacks::new);
                if (layer.add(name, address.expert(), view)) {
                    layer.emit();
                }
                return;
            }
            view = transformed(tensor, step, view);
        }
        put(name, view);
    }

    private TensorView transformed(TensorInfo tensor, Step step, TensorView view) {
        long[] numbers = new long[step.arguments().size()];
        for (int i = 0; i < numbers.length; i++) {
            Object value = step.arguments().get(i).value(config);
            if (!(value instanceof Number number)) {
                throw new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' needs '" + step.arguments().get(i).firstNames()
                        + "' of config.json, which is missing.");
            }
            numbers[i] = number.longValue();
        }
        try {
            return Transforms.apply(step.name(), numbers, view);
        } catch (IllegalArgumentException e) {
            throw new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' of shape " + tensor.shape() + " does not fit config.json ("
                    + e.getMessage() + ").", e);
        }
    }

    private void put(String name, TensorView view) {
        if (views.put(name, view.rank() == 0 ? new Reshaped(view, List.of(1L)) : view) != null) {
            throw new FerryException("Cannot convert " + model + ": two tensors become '" + name + "'; the checkpoint holds one of them twice.");
        }
    }

    private void refuseUnknown() {
        if (!unknown.isEmpty()) {
            throw new FerryException("Cannot convert " + model + ": " + unknown.size() + (unknown.size() == 1 ? " tensor is" : " tensors are")
                    + " unknown to architecture " + architecture.arch() + " with " + blocks + " layers: " + some(unknown) + ".");
        }
    }

    private void refuseMissing() {
        List<String> missing = new ArrayList<>();
        architecture.tensors().forEach((pattern, outputs) -> {
            if (outputs.stream().anyMatch(Output::optional)) {
                return;
            }
            String suffix = outputs.getFirst().name().matches(".*\\.(weight|bias)") ? "" : ".weight";
            Set<Integer> layers = seen.getOrDefault(pattern + suffix, Set.of());
            for (int layer = 0; layer < (Address.layered(pattern) ? blocks : 1); layer++) {
                if (!layers.contains(layer)) {
                    missing.add(layered(pattern, layer).replaceAll("\\bE\\b", "0") + suffix);
                }
            }
        });
        stacks.values().forEach(layer -> missing.addAll(layer.missing()));
        if (Boolean.FALSE.equals(config.get("tie_word_embeddings")) && architecture.tensors().containsKey("lm_head") && !views.containsKey("output.weight")) {
            missing.add("lm_head.weight");
        }
        if (!missing.isEmpty()) {
            throw new FerryException("Cannot convert " + model + ": the checkpoint lacks " + missing.size() + (missing.size() == 1 ? " tensor: " : " tensors: ")
                    + some(missing) + ".");
        }
    }

    private static String some(List<String> names) {
        String text = String.join(", ", names.subList(0, Math.min(NAMES_IN_A_MESSAGE, names.size())));
        return names.size() > NAMES_IN_A_MESSAGE ? text + " and " + (names.size() - NAMES_IN_A_MESSAGE) + " more" : text;
    }

    /**
     * A name as a pattern.
     *
     * @param pattern the name with N for the layer and E for the expert
     * @param layer   0 for a tensor outside the layers
     * @param expert  -1 for a tensor that belongs to none
     */
    private record Address(String pattern, int layer, int expert) {
        static Address of(String name) {
            String[] parts = name.split("\\.");
            int[] numbers = {0, -1};
            int found = 0;
            for (int i = 0; i < parts.length && found < 2; i++) {
                if (NUMBER.matcher(parts[i]).matches() && parts[i].length() < 9) {
                    numbers[found] = Integer.parseInt(parts[i]);
                    parts[i] = found++ == 0 ? "N" : "E";
                }
            }
            return new Address(String.join(".", parts), numbers[0], numbers[1]);
        }

        static boolean layered(String pattern) {
            return pattern.contains(".N.") || pattern.startsWith("N.");
        }
    }

    /** The experts of one layer, until all are there. */
    private final class ExpertStacks {
        private final int layer;
        private final int experts = Math.toIntExact(config.findLong("expert_count").orElseThrow(() -> new FerryException(
                "Cannot convert " + model + ": the checkpoint has experts, but config.json does not say how many.")));
        private final Map<String, TensorView[]> parts = new LinkedHashMap<>();
        private int filled;

        private ExpertStacks(int layer) {
            this.layer = layer;
            architecture.tensors().values().forEach(outputs -> outputs.stream().filter(o -> o.steps().stream().anyMatch(s -> s.name().equals("stack")))
                    .forEach(o -> parts.put(layered(o.name(), layer) + ".weight", new TensorView[experts])));
        }

        /** Takes one expert's part of a stack; true when it was the last one of the layer. */
        private boolean add(String name, int expert, TensorView view) {
            TensorView[] stack = parts.get(name);
            if (stack == null || expert < 0 || expert >= experts || stack[expert] != null) {
                throw new FerryException("Cannot convert " + model + ": expert " + expert + " of '" + name + "', where config.json says " + experts + " experts.");
            }
            stack[expert] = view;
            return ++filled == experts * parts.size();
        }

        private void emit() {
            parts.forEach((name, stack) -> put(name, new Stacked(List.of(stack))));
        }

        private List<String> missing() {
            List<String> missing = new ArrayList<>();
            parts.forEach((name, stack) -> {
                for (int e = 0; e < stack.length; e++) {
                    if (stack[e] == null) {
                        missing.add("expert " + e + " of layer " + layer + " for '" + name + "'");
                    }
                }
            });
            return missing;
        }
    }

    private static String layered(String pattern, int layer) {
        return pattern.replaceAll("\\bN\\b", Integer.toString(layer));
    }
}
