package dev.adapterferry.convert;

import dev.adapterferry.convert.Architecture.Step;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The parts of one layer that are stacked (experts, or one norm per head), until all are there; in the order of the architecture file. */
final class ExpertStacks {
    private final String model;
    private final int layer;
    private final Map<String, TensorView[]> parts = new LinkedHashMap<>();
    private int missing;

    /** @param model the checkpoint's name, for messages */
    ExpertStacks(String model, Architecture architecture, ModelConfig config, int layer) {
        this.model = model;
        this.layer = layer;
        architecture.tensors().values().forEach(outputs -> outputs.forEach(output -> {
            for (Step step : output.steps()) {
                if (step.name().equals("stack")) {
                    Expression count = step.arguments().isEmpty() ? Expression.parse("expert_count") : step.arguments().getFirst();
                    parts.put(TensorAddress.layered(output.name(), layer) + ".weight", new TensorView[Math.toIntExact(config.findLong(count).orElseThrow(
                            () -> new FerryException("Cannot convert " + model + ": the checkpoint has experts, but config.json does not say how many. Take config.json from the base model again.")))]);
                }
            }
        }));
        parts.values().forEach(stack -> missing += stack.length);
    }

    /**
     * Takes one part of a stack.
     *
     * @return true when it was the last one of the layer
     * @throws FerryException when config.json leaves no place for it
     */
    boolean add(String name, int number, TensorView view) {
        TensorView[] stack = parts.get(name);
        if (stack == null || number < 0 || number >= stack.length || stack[number] != null) {
            throw new FerryException("Cannot convert " + model + ": the checkpoint has a part " + number + " of '" + name + "', config.json allows "
                    + (stack == null ? "none" : stack.length + " parts") + ". Take config.json from the base model again.");
        }
        stack[number] = view;
        return --missing == 0;
    }

    /** The complete stacks by GGUF name. */
    Map<String, List<TensorView>> stacks() {
        Map<String, List<TensorView>> complete = new LinkedHashMap<>();
        parts.forEach((name, stack) -> complete.put(name, List.of(stack)));
        return complete;
    }

    /** True for a stack that waits for more parts. */
    boolean isIncomplete(String name) {
        return missing > 0 && parts.containsKey(name);
    }

    /** What the checkpoint lacks, in words. */
    List<String> missing() {
        List<String> absent = new ArrayList<>();
        parts.forEach((name, stack) -> {
            for (int i = 0; i < stack.length; i++) {
                if (stack[i] == null) {
                    absent.add("part " + i + " of '" + name + "' (layer " + layer + ")");
                }
            }
        });
        return absent;
    }
}
