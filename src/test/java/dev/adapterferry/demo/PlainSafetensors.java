package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** A small reader and writer of safetensors, independent of the ferry's own, so that the two can judge each other. */
final class PlainSafetensors {
    /**
     * A tensor in memory.
     *
     * @param shape  one or two dimensions, rows first
     * @param values row after row
     */
    record Tensor(long[] shape, float[] values) {
        int rows() {
            return (int) shape[0];
        }

        int columns() {
            return values.length / rows();
        }
    }

    private PlainSafetensors() { }

    /** Reads F32 and BF16 tensors. */
    static Map<String, Tensor> read(byte[] file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int headerLength = (int) bytes.getLong(0);
        JsonNode header = new ObjectMapper().readTree(file, 8, headerLength);
        Map<String, Tensor> tensors = new TreeMap<>();
        header.fields().forEachRemaining(entry -> {
            if (entry.getKey().equals("__metadata__")) {
                return;
            }
            JsonNode info = entry.getValue();
            long[] shape = new long[info.get("shape").size()];
            int count = 1;
            for (int i = 0; i < shape.length; i++) {
                shape[i] = info.get("shape").get(i).asLong();
                count *= (int) shape[i];
            }
            int start = 8 + headerLength + info.get("data_offsets").get(0).asInt();
            boolean wide = info.get("dtype").asText().equals("F32");
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = wide ? bytes.getFloat(start + 4 * i) : Float.intBitsToFloat(bytes.getShort(start + 2 * i) << 16);
            }
            tensors.put(entry.getKey(), new Tensor(shape, values));
        });
        return tensors;
    }

    /** Writes all tensors in one element type, in the order of their names. */
    static void write(Path file, Map<String, Tensor> tensors, boolean brainFloat) throws IOException {
        ObjectNode header = new ObjectMapper().createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        new TreeMap<>(tensors).forEach((name, tensor) -> {
            ObjectNode info = header.putObject(name).put("dtype", brainFloat ? "BF16" : "F32");
            var shape = info.putArray("shape");
            for (long dimension : tensor.shape()) {
                shape.add(dimension);
            }
            int start = data.size();
            ByteBuffer bytes = ByteBuffer.allocate(tensor.values().length * (brainFloat ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
            for (float value : tensor.values()) {
                if (brainFloat) {
                    bytes.putShort((short) (Float.floatToRawIntBits(toBrainFloat(value)) >>> 16));
                } else {
                    bytes.putFloat(value);
                }
            }
            data.writeBytes(bytes.array());
            info.putArray("data_offsets").add(start).add(data.size());
        });
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer out = ByteBuffer.allocate(8 + padded + data.size()).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
        for (int i = json.length; i < padded; i++) {
            out.put((byte) ' ');
        }
        Files.write(file, out.put(data.toByteArray()).array());
    }

    /** The nearest value that 16 bits of a float can say; ties go to the even one. */
    static float toBrainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7FFF + (bits >>> 16 & 1)) & 0xFFFF0000);
    }
}
