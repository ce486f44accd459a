package dev.adapterferry.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Looks at the header of an adapter's safetensors file on the far side and says what is wrong with it. Cheap enough to ask
 * before every pull: a training that is still writing leaves a file whose header and length disagree.
 *
 * <p>Format: 8 bytes little-endian header length N, N bytes of JSON, tensor data; the largest {@code data_offsets} end plus
 * 8 + N is the file's size.
 */
final class WeightsCheck {
    private static final ObjectMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
    /** An adapter's header has some hundred kB; more than this is refused. */
    private static final int MAX_HEADER = 16 << 20;

    private static final String EMPTY = "\0";
    private static final String[][] PAIRS = {{"lora_A", "lora_B"}, {"lora_B", "lora_A"}, {"lora_embedding_A", "lora_embedding_B"}, {"lora_embedding_B", "lora_embedding_A"}};

    private WeightsCheck() { }

    /** Reads a piece of the file. */
    @FunctionalInterface
    interface Piece {
        byte[] read(long offset, int length);
    }

    /**
     * Looks for signs that one file is not whole.
     *
     * @param size    its length
     * @param piece   reads it
     * @param tensors receives the tensors' names, marked when they are empty
     * @return what is wrong, or empty
     */
    static Optional<String> cutShort(long size, Piece piece, Set<String> tensors) {
        byte[] first = size < 8 ? new byte[0] : piece.read(0, 8);
        if (first.length < 8) {
            return Optional.of("there are " + size + " bytes and no header");
        }
        long length = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 2 || length > MAX_HEADER || length > size - 8) {
            return Optional.of("the header length " + length + " does not fit the file's " + size + " bytes");
        }
        JsonNode header;
        try {
            byte[] bytes = piece.read(8, (int) length);
            header = bytes.length == length ? JSON.readTree(bytes) : null;
        } catch (IOException e) {
            header = null;
        }
        if (header == null || !header.isObject()) {
            return Optional.of("the header is no JSON");
        }
        long end = 0;
        for (Map.Entry<String, JsonNode> tensor : header.properties()) {
            if (tensor.getKey().equals("__metadata__")) {
                continue;
            }
            JsonNode offsets = tensor.getValue().path("data_offsets");
            long from = offsets.path(0).asLong(-1);
            long to = offsets.path(1).asLong(-1);
            if (from < 0 || to < from) {
                return Optional.of("tensor '" + tensor.getKey() + "' has no valid place");
            }
            end = Math.max(end, to);
            tensors.add(mark(tensor.getKey(), from == to));
        }
        return 8 + length + end == size ? Optional.empty() : Optional.of("the tensors end at byte " + (8 + length + end) + ", the file at " + size);
    }

    /** A tensor's name as {@link #defect} wants it. */
    static String mark(String tensor, boolean empty) {
        return empty ? EMPTY + tensor : tensor;
    }

    /**
     * Looks for defects that waiting will not heal, over all files of an adapter.
     *
     * @param tensors names from {@link #cutShort}
     * @return what is wrong, or empty
     */
    static Optional<String> defect(Set<String> tensors) {
        if (tensors.isEmpty()) {
            return Optional.of("there is not a single tensor in it, as a sharded training leaves it when it saves without gathering");
        }
        for (String name : new TreeSet<>(tensors)) {
            if (name.startsWith(EMPTY)) {
                return Optional.of("tensor '" + name.substring(EMPTY.length()) + "' is empty, as a sharded training leaves it when it saves without gathering");
            }
            for (String[] pair : PAIRS) {
                if (name.contains("." + pair[0]) && !tensors.contains(name.replace("." + pair[0], "." + pair[1]))) {
                    return Optional.of("tensor '" + name + "' has no " + pair[1] + " beside it");
                }
            }
        }
        return Optional.empty();
    }
}
