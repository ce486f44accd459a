package dev.adapterferry.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Makes a model that sees out of one that does not: its tower is of no use, but a conversion must leave it out and say so. */
public final class VisionTower {
    /** What the conversion says of it. */
    public static final String NOTE = "The file holds the text part of the model; 2 tensors for images or sound are left out";

    private VisionTower() { }

    /**
     * Puts a shard beside a checkpoint's own.
     *
     * @param base the checkpoint's folder
     */
    public static void addTo(Path base) throws IOException {
        PlainSafetensors.Tensor tensor = new PlainSafetensors.Tensor(new long[] {2, 2}, new float[4]);
        PlainSafetensors.write(base.resolve("model-tower.safetensors"), Map.of("visual.patch_embed.proj.weight", tensor, "visual.merger.mlp.0.weight", tensor), true);
    }
}
