package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint whose 8-bit floating-point weights are read as what they stand for: value times scale, as BF16 tensors of a plain
 * checkpoint. The scales and the rest of the quantization disappear from tensors and configuration.
 */
public final class DequantizedCheckpoint implements Checkpoint, SourceFiles {
    private final Checkpoint base;
    private final DequantizedTensors tensors;

    private DequantizedCheckpoint(Checkpoint base) {
        this.base = base;
        this.tensors = new DequantizedTensors(base);
    }

    /**
     * Makes a checkpoint plain where it can be.
     *
     * @param base any checkpoint; closed with the result
     * @return a view of it without 8-bit floating-point weights; the checkpoint itself when it has none
     * @throws dev.adapterferry.failure.FerryException when a weight's scale is missing or has an impossible shape
     */
    public static Checkpoint of(Checkpoint base) {
        boolean float8 = base.tensors().tensors().stream().anyMatch(tensor -> DequantizedTensors.isWeight(tensor) && tensor.type() instanceof ElementType type && type.isFloat8());
        return float8 ? new DequantizedCheckpoint(base) : base;
    }

    @Override
    public String name() {
        return base.name();
    }

    @Override
    public ObjectNode config() {
        ObjectNode config = base.config();
        config.remove(List.of("quantization_config", "compression_config"));
        return config;
    }

    @Override
    public Optional<Path> file(String fileName) {
        return fileName.equals("hf_quant_config.json") ? Optional.empty() : base.file(fileName);
    }

    @Override
    public TensorSource tensors() {
        return tensors;
    }

    @Override
    public List<Path> files() {
        return base instanceof SourceFiles files ? files.files() : List.of();
    }

    @Override
    public void close() {
        base.close();
    }
}
