package dev.adapterferry.convert;

import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A PEFT adapter's folder for the tests of this package. */
final class TinyAdapter {
    private TinyAdapter() { }

    /**
     * Writes a folder {@code adapter}.
     *
     * @param fields  of adapter_config.json, beside the kind of the adapter; PEFT is 0.19.1 unless they say otherwise
     * @param factors by name without PEFT's prefix
     */
    static Path write(Path folder, String fields, Map<TensorInfo, float[]> factors) throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        String version = fields.contains("\"peft_version\"") ? "" : "\"peft_version\":\"0.19.1\",";
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"base_model_name_or_path\":\"base\"," + version + fields + "}");
        List<TensorInfo> named = factors.keySet().stream().map(info -> new TensorInfo("base_model.model." + info.name(), info.type(), info.shape())).toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(adapter.resolve("adapter_model.safetensors"), named, Map.of("format", "pt"))) {
            int next = 0;
            for (float[] values : factors.values()) {
                TensorInfo info = named.get(next++);
                writer.write(info, 0, Math.toIntExact(info.rows()), values, 0);
            }
            writer.commit();
        }
        return adapter;
    }
}
