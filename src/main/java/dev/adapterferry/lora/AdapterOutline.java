package dev.adapterferry.lora;

import dev.adapterferry.tensor.TensorInfo;
import java.util.List;

/**
 * An adapter of which adapter_config.json and the headers of its weights were read, and no value: enough to tell whether it fits a base.
 *
 * @param name    what messages call it
 * @param config  its configuration
 * @param tensors names, shapes and types of its tensors
 */
public record AdapterOutline(String name, AdapterConfig config, List<TensorInfo> tensors) {
    /** Copies the list. */
    public AdapterOutline {
        tensors = List.copyOf(tensors);
    }
}
