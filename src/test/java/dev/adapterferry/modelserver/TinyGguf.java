package dev.adapterferry.modelserver;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Whole GGUF files of a few hundred bytes that no engine could run. */
public final class TinyGguf {
    private TinyGguf() { }

    /** Writes one; different values make different files of the same size. */
    public static Path write(Path file, float value) throws IOException {
        Files.createDirectories(file.getParent());
        TensorInfo tensor = new TensorInfo("token_embd.weight", GgmlType.F32, List.of(4L));
        GgufPlan plan = GgufPlan.of(new GgufMetadata().putString("general.architecture", "qwen2").putString("general.name", "tiny"), List.of(tensor), info -> GgmlType.F32);
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            writer.write(0, 0, ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).putFloat(1).putFloat(2).putFloat(3).flip());
            writer.force();
        }
        return file;
    }
}
