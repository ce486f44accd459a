package dev.adapterferry.quant;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the binary imatrix files that llama.cpp wrote until July 2025 ({@code imatrix.dat}); newer ones are GGUF files.
 *
 * <pre>
 *  i32 entries
 *  per entry: i32 name length, name, i32 calls, i32 values, f32 sums[values]
 *  if present: i32 chunks, i32 name length, name of the text
 * </pre>
 *
 * Little-endian. A weight is its sum divided by the calls, or the sum itself when there were none.
 */
public final class LegacyImatrixFile {
    private static final int LONGEST_NAME = 4096;

    private final Path file;
    private ByteBuffer bytes;

    /** @param file path of the file */
    public LegacyImatrixFile(Path file) {
        this.file = file;
    }

    /**
     * Reads the whole file.
     *
     * @throws MalformedFile  when it is not of that form
     * @throws FerryException when it cannot be read
     */
    public ImportanceMatrix read() {
        try {
            bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new FerryException("Cannot read the importance matrix " + file + ": " + e.getMessage() + ".", e);
        }
        int entries = integer("number of entries", 1, Integer.MAX_VALUE);
        Map<String, float[]> weights = new LinkedHashMap<>();
        for (int i = 0; i < entries; i++) {
            int start = bytes.position();
            String name = string("name of entry " + i);
            int calls = integer("calls of '" + name + "'", 0, Integer.MAX_VALUE);
            float[] values = new float[integer("number of values of '" + name + "'", 1, Math.max(1, bytes.remaining() / 4 - 1))];
            if (bytes.remaining() < 4L * values.length) {
                throw new MalformedFile(file, bytes.position(), "the file ends within the values of '" + name + "'");
            }
            bytes.asFloatBuffer().get(values);
            bytes.position(bytes.position() + 4 * values.length);
            for (int j = 0; calls > 0 && j < values.length; j++) {
                values[j] /= calls;
            }
            if (weights.put(name, values) != null) {
                throw new MalformedFile(file, start, "a second entry for '" + name + "'");
            }
        }
        long chunks = 0;
        List<String> datasets = List.of();
        if (bytes.hasRemaining()) {
            chunks = integer("number of chunks", 0, Integer.MAX_VALUE);
            String dataset = string("name of the text");
            datasets = dataset.isEmpty() ? List.of() : List.of(dataset);
        }
        return ImportanceMatrix.of(weights, file.toString(), datasets, chunks);
    }

    private int integer(String what, int low, int high) {
        int at = bytes.position();
        if (bytes.remaining() < 4) {
            throw new MalformedFile(file, at, "the file ends before the " + what);
        }
        int value = bytes.getInt();
        if (value < low || value > high) {
            throw new MalformedFile(file, at, what + " is " + value + ", expected " + low + " to " + high);
        }
        return value;
    }

    private String string(String what) {
        int length = integer("length of the " + what, 0, LONGEST_NAME);
        if (bytes.remaining() < length) {
            throw new MalformedFile(file, bytes.position(), "the file ends within the " + what);
        }
        byte[] text = new byte[length];
        bytes.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
