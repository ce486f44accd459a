package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The parts that an adapter file holds for one module.
 *
 * @param name    path of the module in the running model
 * @param nesting 0, or more for the inner one of several fused parameters of a module
 * @param parts   the tensors
 */
record AdapterModule(String name, int nesting, Map<AdapterKey.Part, TensorInfo> parts) {
    /**
     * Sorts an adapter's tensors by module. Every tensor ends up in exactly one.
     *
     * @throws FerryException when a tensor's name means nothing, or two mean the same
     */
    static List<AdapterModule> of(AdapterFolder adapter) {
        Map<String, AdapterModule> modules = new LinkedHashMap<>();
        for (TensorInfo tensor : adapter.tensors().tensors()) {
            AdapterKey key = AdapterKey.parse(tensor.name(), adapter.config().format()).orElseThrow(() -> new FerryException(
                    "Cannot merge " + adapter.name() + ": nothing is known of its tensor '" + PrintableName.of(tensor.name()) + "'." + hint(tensor.name())));
            boolean whole = key.part() == AdapterKey.Part.WEIGHT || key.part() == AdapterKey.Part.BIAS || key.part() == AdapterKey.Part.TOKENS;
            int nesting = whole ? 0 : key.nesting();
            AdapterModule module = modules.computeIfAbsent(key.module() + "\n" + nesting,
                    k -> new AdapterModule(key.module(), nesting, new EnumMap<>(AdapterKey.Part.class)));
            TensorInfo other = module.parts.put(key.part(), tensor);
            if (other != null) {
                throw new FerryException("Cannot merge " + adapter.name() + ": its tensors '" + PrintableName.of(other.name()) + "' and '"
                        + PrintableName.of(tensor.name()) + "' mean the same part of '" + PrintableName.of(key.module()) + "'. Save the adapter again.");
            }
        }
        return new ArrayList<>(modules.values());
    }

    private static String hint(String name) {
        if (name.contains("lora_down") || name.contains("lora_up") || name.endsWith(".alpha")) {
            return " It is of the kohya or LyCORIS form, whose names do not tell the modules of a language model: save it again with PEFT.";
        }
        if (name.contains("hada_") || name.contains("lokr_") || name.contains("ia3_") || name.contains("vera_") || name.contains("oft_")) {
            return " It belongs to another method than LoRA: merge it with PEFT, and carry the merged checkpoint.";
        }
        return name.contains("lora.down") || name.contains("lora.up") ? " It is of an old diffusers form: save it again with PEFT." : " Save the adapter again with PEFT (save_pretrained), or merge it there.";
    }

    TensorInfo part(AdapterKey.Part part) {
        return parts.get(part);
    }

    boolean has(AdapterKey.Part part) {
        return parts.containsKey(part);
    }
}
