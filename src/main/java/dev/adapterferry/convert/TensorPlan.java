package dev.adapterferry.convert;

import dev.adapterferry.convert.Architecture.Output;
import dev.adapterferry.convert.Architecture.Step;
import dev.adapterferry.convert.transform.Flattened;
import dev.adapterferry.convert.transform.Stacked;
import dev.adapterferry.convert.transform.StoredTensor;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.convert.transform.Transforms;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Decides what each checkpoint tensor becomes: names, transforms, order. No weights are read. The order is llama.cpp's
 * converter's: as the checkpoint lists them, the experts of a layer where the last of them stands.
 */
final class TensorPlan {
    /**
     * What an architecture file may put last: {@code stack} joins experts, {@code layer-key} collects scalars, {@code size-key} writes down how many rows a
     * matrix has, {@code must-be-zero} drops.
     */
    static final Set<String> FINAL_STEPS = Set.of("stack", "layer-key", "size-key", "must-be-zero");
    /** Those of them that make no tensor. */
    static final Set<String> STEPS_WITHOUT_TENSOR = Set.of("layer-key", "size-key", "must-be-zero");

    private static final int NAMES_IN_A_MESSAGE = 6;
    private static final String OUTPUT = "output";
    private static final String EMBEDDING = "token_embd";

    private final String model;
    private final Architecture architecture;
    private final ModelConfig config;
    private final GgufMetadata keys;
    private final TensorNaming naming;
    private final Transforms transforms = new Transforms();
    private final LayerCounts layers;
    private final Map<String, TensorView> views = new LinkedHashMap<>();
    private final Map<Integer, ExpertStacks> stacks = new TreeMap<>();
    private final Map<String, float[]> layerKeys = new LinkedHashMap<>();
    private final List<String> unknown = new ArrayList<>();
    private TensorView tiedOutput;
    private boolean bare;

    private TensorPlan(String model, Architecture architecture, ModelConfig config, GgufMetadata keys) {
        this.model = model;
        this.architecture = architecture;
        this.config = config;
        this.keys = keys;
        this.naming = new TensorNaming(architecture, config);
        this.layers = LayerCounts.of(config);
    }

    /**
     * Plans all tensors of a checkpoint.
     *
     * @param model  the checkpoint's name, for messages
     * @param first  generated tensors, which come first
     * @param source the checkpoint's tensors
     * @param keys   receives keys made from tensors
     * @return views under GGUF names, in the order of the file
     * @throws FerryException when a tensor is unknown, missing, or of a shape that the transforms cannot take; names it
     */
    static ConvertedTensors plan(String model, Architecture architecture, ModelConfig config, Map<String, TensorView> first, TensorSource source, GgufMetadata keys) {
        TensorPlan plan = new TensorPlan(model, architecture, config, keys);
        plan.views.putAll(first);
        // A model saved without its head has names without the "model." of the class that wraps both, whatever config.json calls it.
        plan.bare = source.find("embed_tokens.weight").isPresent();
        source.tensors().forEach(tensor -> plan.add(source, tensor));
        plan.refuseUnknown();
        Map<String, TensorView> all = plan.withOutput();
        plan.refuseMissing(all.keySet());
        return new ConvertedTensors(all, plan.naming.notes());
    }

    private void add(TensorSource source, TensorInfo tensor) {
        Optional<String> named = naming.of(tensor.name());
        if (named.isEmpty()) {
            return;
        }
        String name = named.get();
        TensorAddress address = TensorAddress.of(name);
        String suffix = "";
        List<Output> outputs = architecture.tensors().get(address.pattern());
        if (outputs == null && (name.endsWith(".weight") || name.endsWith(".bias"))) {
            suffix = name.substring(name.lastIndexOf('.'));
            address = TensorAddress.of(name.substring(0, name.length() - suffix.length()));
            outputs = architecture.tensors().get(address.pattern());
        }
        if (outputs == null || address.layer() >= layers.of(outputs.getFirst().name())) {
            unknown.add(tensor.name());
            return;
        }
        for (Output output : outputs) {
            if (output.name().equals(EMBEDDING)) {
                tiedOutput = asOutput(tensor, new StoredTensor(source, tensor));
            }
            place(tensor, address, TensorAddress.layered(output.name(), address.layer()) + suffix, output, new StoredTensor(source, tensor));
        }
    }

    private void place(TensorInfo tensor, TensorAddress address, String name, Output output, TensorView stored) {
        TensorView view = stored;
        for (Step step : output.steps()) {
            if (!FINAL_STEPS.contains(step.name())) {
                view = transformed(tensor, step, view);
                continue;
            }
            switch (step.name()) {
                case "stack" -> {
                    ExpertStacks layer = stacks.computeIfAbsent(address.layer(), number -> new ExpertStacks(model, architecture, config, number));
                    if (layer.add(name, address.expert(), view)) {
                        layer.stacks().forEach((stack, parts) -> put(stack, stacked(stack, parts)));
                    }
                }
                case "layer-key" -> {
                    float[] values = layerKeys.computeIfAbsent(output.name(), key -> new float[layers.of(key)]);
                    view.read(0, 1, values, address.layer());
                    keys.putFloats(output.name(), values);
                }
                case "size-key" -> writeSize(tensor, architecture.arch() + "." + output.name(), view);
                default -> refuseUnlessZero(tensor, view);
            }
            return;
        }
        put(name, view);
    }

    /** The embedding with what happens to the head of this architecture, should it have to serve as one. */
    private TensorView asOutput(TensorInfo tensor, TensorView stored) {
        TensorView view = stored;
        for (Step step : architecture.tensors().values().stream().flatMap(List::stream).filter(output -> output.name().equals(OUTPUT)).findFirst().map(Output::steps).orElse(List.of())) {
            view = transformed(tensor, step, view);
        }
        return view;
    }

    private TensorView stacked(String name, List<TensorView> parts) {
        try {
            return new Stacked(parts);
        } catch (IllegalArgumentException e) {
            throw new FerryException("Cannot convert " + model + ": '" + name + "': " + e.getMessage() + ".", e);
        }
    }

    private TensorView transformed(TensorInfo tensor, Step step, TensorView view) {
        double[] numbers = new double[step.arguments().size()];
        for (int i = 0; i < numbers.length; i++) {
            Expression expression = step.arguments().get(i);
            numbers[i] = config.findNumber(expression).orElseThrow(() -> new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' needs '"
                    + expression.firstNames() + "' of config.json, which is missing. Take config.json from the base model again."));
        }
        try {
            return transforms.apply(step.name(), numbers, view);
        } catch (IllegalArgumentException e) {
            throw new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' of shape " + tensor.shape() + " does not fit config.json ("
                    + e.getMessage() + "). Take config.json from the base model again.", e);
        }
    }

    private void writeSize(TensorInfo tensor, String key, TensorView view) {
        long size = view.shape().get(view.rank() - 2);
        Optional<Long> before = keys.findLong(key);
        if (before.isPresent() && before.get() != size) {
            throw new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' has a rank of " + size + ", those of other layers one of " + before.get()
                    + "; llama.cpp's " + architecture.arch() + " has one for all (" + key + ").");
        }
        keys.putUint32(key, size);
    }

    private void refuseUnlessZero(TensorInfo tensor, TensorView view) {
        float[] values = new float[view.rowLength()];
        view.read(0, 1, values, 0);
        for (float value : values) {
            if (value != 0) {
                throw new FerryException("Cannot convert " + model + ": tensor '" + tensor.name() + "' is not zero, and llama.cpp's " + architecture.arch()
                        + " has no place for it.");
            }
        }
    }

    private void put(String name, TensorView view) {
        if (views.put(name, view.rank() == 0 ? new Flattened(view) : view) != null) {
            throw new FerryException("Cannot convert " + model + ": two tensors become '" + name + "'; the checkpoint holds one of them twice. Get it again.");
        }
    }

    private void refuseUnknown() {
        if (!unknown.isEmpty()) {
            throw new FerryException("Cannot convert " + model + ": " + unknown.size() + (unknown.size() == 1 ? " tensor is" : " tensors are")
                    + " unknown to architecture " + architecture.arch() + " with " + layers + ": " + some(unknown) + ". Take the config.json that belongs to the weights.");
        }
    }

    /** Where llama.cpp does not take the embedding for the output by itself, that of a model with one matrix for both is written twice. */
    private Map<String, TensorView> withOutput() {
        boolean needed = architecture.tensors().values().stream().flatMap(List::stream).anyMatch(output -> output.name().equals(OUTPUT) && !output.optional());
        if (!needed || views.containsKey(OUTPUT + ".weight") || !tied()) {
            return views;
        }
        Map<String, TensorView> all = new LinkedHashMap<>();
        views.forEach((name, view) -> {
            all.put(name, view);
            if (name.equals(EMBEDDING + ".weight")) {
                all.put(OUTPUT + ".weight", tiedOutput);
            }
        });
        return all;
    }

    private boolean tied() {
        return !Boolean.FALSE.equals(config.get("tie_word_embeddings"));
    }

    private void refuseMissing(Set<String> present) {
        boolean headless = architecture.embeds() || tied() || bare;
        List<String> missing = new MissingTensors(architecture, layers, present, stacks.values()).list(headless);
        if (!missing.isEmpty()) {
            throw new FerryException("Cannot convert " + model + ": the checkpoint lacks " + missing.size() + (missing.size() == 1 ? " tensor: " : " tensors: ")
                    + some(missing) + ". Take the config.json that belongs to the weights, and all their files.");
        }
    }

    private static String some(List<String> names) {
        String text = String.join(", ", names.subList(0, Math.min(NAMES_IN_A_MESSAGE, names.size())));
        return names.size() > NAMES_IN_A_MESSAGE ? text + " and " + (names.size() - NAMES_IN_A_MESSAGE) + " more" : text;
    }
}
