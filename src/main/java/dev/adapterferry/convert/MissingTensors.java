package dev.adapterferry.convert;

import dev.adapterferry.convert.Architecture.Output;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a checkpoint lacks of what the architecture file asks for. Several entries may lead to the same GGUF tensor (single or packed
 * experts); one of them is enough. A part of a layer is there whole or not at all; of parts {@code family:part} each layer has exactly one.
 */
final class MissingTensors {
    private final Architecture architecture;
    private final LayerCounts layers;
    private final Set<String> present;
    private final Collection<ExpertStacks> stacks;

    /**
     * @param layers  how many there are
     * @param present GGUF names of all tensors
     * @param stacks  stacks, complete or not
     */
    MissingTensors(Architecture architecture, LayerCounts layers, Set<String> present, Collection<ExpertStacks> stacks) {
        this.architecture = architecture;
        this.layers = layers;
        this.present = present;
        this.stacks = stacks;
    }

    /** Names of checkpoint tensors, or what else is missing in words. */
    List<String> list(boolean tied) {
        Map<String, String> needed = new LinkedHashMap<>();
        each((pattern, output) -> {
            if (!output.optional()) {
                for (int layer = 0; layer < layers.in(output.name()); layer++) {
                    needed.putIfAbsent(TensorAddress.layered(bare(output.name()), layer), TensorAddress.layered(source(pattern, output.name()), layer));
                }
            }
        });
        if (!tied && architecture.tensors().containsKey("lm_head")) {
            needed.putIfAbsent("output", "lm_head.weight");
        }
        List<String> missing = new ArrayList<>();
        parts(needed, missing);
        stacks.forEach(layer -> missing.addAll(layer.missing()));
        needed.forEach((name, source) -> {
            if (!has(name)) {
                missing.add(source);
            }
        });
        return missing;
    }

    private void parts(Map<String, String> needed, List<String> missing) {
        Map<String, Map<String, String>> parts = new LinkedHashMap<>();
        each((pattern, output) -> {
            if (!output.part().isEmpty()) {
                parts.computeIfAbsent(output.part(), part -> new LinkedHashMap<>()).putIfAbsent(bare(output.name()), source(pattern, output.name()));
            }
        });
        Set<String> families = new LinkedHashSet<>();
        parts.keySet().stream().filter(part -> part.contains(":")).forEach(part -> families.add(part.substring(0, part.indexOf(':') + 1)));
        for (int number = 0; number < layers.main(); number++) {
            int layer = number;
            List<String> found = parts.keySet().stream().filter(part -> parts.get(part).keySet().stream().anyMatch(name -> has(TensorAddress.layered(name, layer)))).toList();
            found.forEach(part -> parts.get(part).forEach((name, source) -> needed.putIfAbsent(TensorAddress.layered(name, layer), TensorAddress.layered(source, layer))));
            for (String family : families) {
                if (found.stream().noneMatch(part -> part.startsWith(family))) {
                    missing.add(String.join(" or ", parts.keySet().stream().filter(part -> part.startsWith(family)).map(part -> parts.get(part).values().iterator().next())
                            .map(first -> TensorAddress.layered(first, layer)).toList()));
                }
            }
        }
    }

    /** The checkpoint's name, the first expert for all, the layer still open. */
    private static String source(String pattern, String name) {
        boolean whole = name.matches(".*\\.(weight|bias)") || pattern.matches(".*\\.(weight|bias|A_log|D|dt_bias)");
        // Numbers that stand for no layer are put in brackets by architecture files.
        return pattern.replaceAll("\\bE\\b", "0").replaceAll("\\[(\\d)]", ".$1") + (whole ? "" : ".weight");
    }

    /** GGUF names are compared without {@code .weight}, which some entries write and some take over from the checkpoint. */
    private static String bare(String name) {
        return name.endsWith(".weight") ? name.substring(0, name.length() - ".weight".length()) : name;
    }

    private boolean has(String bare) {
        return present.contains(bare + ".weight") || present.contains(bare) || stacks.stream().anyMatch(layer -> layer.isIncomplete(bare + ".weight"));
    }

    private interface Visitor {
        void visit(String pattern, Output output);
    }

    /** Every output that becomes a tensor. */
    private void each(Visitor visitor) {
        architecture.tensors().forEach((pattern, outputs) -> outputs.stream()
                .filter(o -> o.steps().stream().noneMatch(s -> TensorPlan.STEPS_WITHOUT_TENSOR.contains(s.name())))
                .forEach(o -> visitor.visit(pattern, o)));
    }
}
