package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A checkpoint of which some tensors are replaced by blocks and scales, as gpt-oss is released. */
final class PackedCheckpoint implements Checkpoint {
    private static final int EXPERTS = 4;

    final Map<String, TensorInfo> infos = new TreeMap<>();
    final Map<String, float[]> bytes = new LinkedHashMap<>();
    private final MemoryCheckpoint base;
    private final Random random = new Random(5);

    PackedCheckpoint(MemoryCheckpoint base) {
        this.base = base;
        base.tensors().tensors().forEach(tensor -> infos.put(tensor.name(), tensor));
    }

    /** Draws blocks and scales, and writes what they mean into the unpacked tensor. */
    void pack(String name, int rows, int columns) {
        int groups = columns / 32;
        float[] blocks = new float[EXPERTS * rows * groups * 16];
        float[] scales = new float[EXPERTS * rows * groups];
        float[] values = base.values(name);
        for (int e = 0; e < EXPERTS; e++) {
            for (int r = 0; r < rows; r++) {
                for (int g = 0; g < groups; g++) {
                    int group = (e * rows + r) * groups + g;
                    scales[group] = 120 + random.nextInt(6);
                    for (int i = 0; i < 32; i++) {
                        int code = random.nextInt(16);
                        blocks[group * 16 + i / 2] += i % 2 == 0 ? code : 16 * code;
                        values[(e * columns + g * 32 + i) * rows + r] = (float) (value(code) * Math.pow(2, scales[group] - 127));
                    }
                }
            }
        }
        infos.remove(name);
        infos.put(name + "_blocks", new TensorInfo(name + "_blocks", ElementType.U8, List.of((long) EXPERTS, (long) rows, (long) groups, 16L)));
        infos.put(name + "_scales", new TensorInfo(name + "_scales", ElementType.U8, List.of((long) EXPERTS, (long) rows, (long) groups)));
        bytes.put(name + "_blocks", blocks);
        bytes.put(name + "_scales", scales);
    }

    /** E2M1: exponent 0 means halves without the leading one. */
    private static double value(int code) {
        int exponent = code >> 1 & 3;
        double magnitude = exponent == 0 ? (code & 1) * 0.5 : (1 + (code & 1) * 0.5) * Math.pow(2, exponent - 1);
        return code < 8 ? magnitude : -magnitude;
    }

    /** Writes it as a folder. */
    Path write(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(base.folder())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("config.json"), config().toString());
        try (TensorSource tensors = tensors(); SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve("model.safetensors"), tensors.tensors(), Map.of("format", "pt"))) {
            for (TensorInfo tensor : tensors.tensors()) {
                float[] values = new float[Math.toIntExact(tensor.elements())];
                tensors.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
                if (tensor.type() != ElementType.U8) {
                    writer.write(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
                    continue;
                }
                byte[] stored = new byte[values.length];
                for (int i = 0; i < stored.length; i++) {
                    stored[i] = (byte) values[i];
                }
                writer.writeStored(tensor, 0, stored.length, stored, 0);
            }
            writer.commit();
        }
        return folder;
    }

    @Override
    public String name() {
        return base.name();
    }

    @Override
    public ObjectNode config() {
        ObjectNode config = base.config();
        config.putObject("quantization_config").put("quant_method", "mxfp4");
        return config;
    }

    @Override
    public Optional<Path> file(String fileName) {
        return base.file(fileName);
    }

    @Override
    public TensorSource tensors() {
        TensorSource plain = base.tensors();
        return new TensorSource() {
            @Override
            public List<TensorInfo> tensors() {
                return new ArrayList<>(infos.values());
            }

            @Override
            public Optional<TensorInfo> find(String name) {
                return Optional.ofNullable(infos.get(name));
            }

            @Override
            public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                float[] own = bytes.get(tensor.name());
                if (own == null) {
                    plain.read(tensor, firstRow, rows, into, offset);
                } else {
                    int length = Math.toIntExact(tensor.rowLength());
                    System.arraycopy(own, Math.toIntExact(firstRow * length), into, offset, rows * length);
                }
            }

            @Override
            public void close() { }
        };
    }

    @Override
    public void close() { }
}
