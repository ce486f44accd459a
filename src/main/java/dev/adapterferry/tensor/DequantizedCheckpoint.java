package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint whose 8-bit floating-point weights, or experts packed as MXFP4, are read as what they stand for: value times scale, as BF16
 * tensors of a plain checkpoint. The scales and the rest of the quantization disappear from tensors and configuration.
 */
public final class DequantizedCheckpoint implements Checkpoint, SourceFiles {
    private final Checkpoint base;
    private final TensorSource tensors;

    private DequantizedCheckpoint(Checkpoint base, TensorSource tensors) {
        this.base = base;
        this.tensors = tensors;
    }

    /**
     * Makes a checkpoint plain where it can be.
     *
     * @param base any checkpoint; closed with the result
     * @return a view of it without such weights; the checkpoint itself when it has none
     * @throws dev.adapterferry.failure.FerryException when a weight's scale is missing or has an impossible shape
     */
    public static Checkpoint of(Checkpoint base) {
        boolean float8 = base.tensors().tensors().stream().anyMatch(tensor -> DequantizedTensors.isWeight(tensor) && tensor.type() instanceof ElementType type && type.isFloat8());
        if (float8) {
            return new DequantizedCheckpoint(base, new DequantizedTensors(base));
        }
        boolean mxfp4 = base.tensors().tensors().stream().anyMatch(Mxfp4Tensors::isBlocks);
        return mxfp4 ? new DequantizedCheckpoint(base, new Mxfp4Tensors(base)) : base;
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
