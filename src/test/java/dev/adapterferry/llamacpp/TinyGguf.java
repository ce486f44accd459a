package dev.adapterferry.llamacpp;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Writes a GGUF file of a few hundred kilobytes with random weights, independently of the ferry's own writer: architecture
 * llama, byte-level BPE, ChatML markers, F32 tensors. What it says makes no sense; that it runs is the point.
 */
public final class TinyGguf {
    /** Tokens: 256 bytes, two merges, and three markers. */
    public static final int VOCABULARY = 261;
    public static final int MERGED_HE = 256;
    public static final int MERGED_HELL = 257;
    public static final int END_OF_TEXT = 258;
    public static final int TURN_BEGIN = 259;
    public static final int TURN_END = 260;

    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int WIDTH = 64;
    private static final int INNER = 96;
    private static final int LAYERS = 2;
    private static final int HEADS = 4;

    private final Map<String, byte[]> metadata = new LinkedHashMap<>();
    private final Map<String, int[]> tensors = new LinkedHashMap<>();

    private boolean endless;

    private TinyGguf() { }

    /**
     * Writes the file.
     *
     * @param file         where
     * @param seed         of the weights
     * @param chatTemplate Jinja text, or null for none
     */
    public static void write(Path file, long seed, String chatTemplate) throws IOException {
        write(file, seed, chatTemplate, false);
    }

    /** The same, but greedily the model never ends an answer: its markers' logits are zero, and some other is above. */
    public static void writeEndless(Path file, long seed, String chatTemplate) throws IOException {
        write(file, seed, chatTemplate, true);
    }

    /** A model that makes vectors: the mean of those of its tokens. */
    public static void writeEmbedding(Path file, long seed) throws IOException {
        TinyGguf gguf = new TinyGguf();
        gguf.describe(null);
        gguf.number("llama.pooling_type", 1);
        gguf.listTensors();
        Files.write(file, gguf.bytes(seed));
    }

    private static void write(Path file, long seed, String chatTemplate, boolean endless) throws IOException {
        TinyGguf gguf = new TinyGguf();
        gguf.endless = endless;
        gguf.describe(chatTemplate);
        gguf.listTensors();
        Files.write(file, gguf.bytes(seed));
    }

    private void describe(String chatTemplate) {
        text("general.architecture", "llama");
        text("general.name", "tiny");
        number("llama.block_count", LAYERS);
        number("llama.context_length", 256);
        number("llama.embedding_length", WIDTH);
        number("llama.feed_forward_length", INNER);
        number("llama.attention.head_count", HEADS);
        number("llama.attention.head_count_kv", HEADS / 2);
        number("llama.rope.dimension_count", WIDTH / HEADS);
        metadata.put("llama.attention.layer_norm_rms_epsilon", scalar(6, Float.floatToIntBits(1e-5f)));
        text("tokenizer.ggml.model", "gpt2");
        text("tokenizer.ggml.pre", "gpt-2");
        List<String> tokens = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            tokens.add(letter(b));
            types.add(1);
        }
        tokens.addAll(List.of("he", "hell", "<|endoftext|>", "<|im_start|>", "<|im_end|>"));
        types.addAll(List.of(1, 1, 3, 3, 3));
        strings("tokenizer.ggml.tokens", tokens);
        ByteBuffer typeBytes = little(4 + 4 + 8 + 4 * types.size()).putInt(ARRAY).putInt(5).putLong(types.size());
        types.forEach(typeBytes::putInt);
        metadata.put("tokenizer.ggml.token_type", typeBytes.array());
        strings("tokenizer.ggml.merges", List.of("h e", "he l", "hel l"));
        number("tokenizer.ggml.bos_token_id", END_OF_TEXT);
        number("tokenizer.ggml.eos_token_id", TURN_END);
        metadata.put("tokenizer.ggml.add_bos_token", little(5).putInt(7).put((byte) 0).array());
        if (chatTemplate != null) {
            text("tokenizer.chat_template", chatTemplate);
        }
    }

    private void listTensors() {
        tensors.put("token_embd.weight", new int[] {WIDTH, VOCABULARY});
        for (int i = 0; i < LAYERS; i++) {
            String block = "blk." + i + ".";
            tensors.put(block + "attn_norm.weight", new int[] {WIDTH});
            tensors.put(block + "attn_q.weight", new int[] {WIDTH, WIDTH});
            tensors.put(block + "attn_k.weight", new int[] {WIDTH, WIDTH / 2});
            tensors.put(block + "attn_v.weight", new int[] {WIDTH, WIDTH / 2});
            tensors.put(block + "attn_output.weight", new int[] {WIDTH, WIDTH});
            tensors.put(block + "ffn_norm.weight", new int[] {WIDTH});
            tensors.put(block + "ffn_gate.weight", new int[] {WIDTH, INNER});
            tensors.put(block + "ffn_up.weight", new int[] {WIDTH, INNER});
            tensors.put(block + "ffn_down.weight", new int[] {INNER, WIDTH});
        }
        tensors.put("output_norm.weight", new int[] {WIDTH});
        tensors.put("output.weight", new int[] {WIDTH, VOCABULARY});
    }

    private byte[] bytes(long seed) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(little(24).put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(tensors.size()).putLong(metadata.size()).array());
        metadata.forEach((key, value) -> {
            out.writeBytes(string(key));
            out.writeBytes(value);
        });
        long offset = 0;
        for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            out.writeBytes(string(tensor.getKey()));
            out.writeBytes(little(4).putInt(tensor.getValue().length).array());
            for (int dimension : tensor.getValue()) {
                out.writeBytes(little(8).putLong(dimension).array());
            }
            out.writeBytes(little(12).putInt(0).putLong(offset).array());
            offset += (count(tensor.getValue()) * 4L + 31) / 32 * 32;
        }
        pad(out);
        Random random = new Random(seed);
        for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            int[] shape = tensor.getValue();
            int silentFrom = endless && tensor.getKey().equals("output.weight") ? END_OF_TEXT * WIDTH : Integer.MAX_VALUE;
            ByteBuffer data = little(4 * count(shape));
            for (int i = 0; i < count(shape); i++) {
                float value = shape.length == 1 ? 1f : (float) (random.nextGaussian() * 0.2);
                data.putFloat(i < silentFrom ? value : 0f);
            }
            out.writeBytes(data.array());
            pad(out);
        }
        return out.toByteArray();
    }

    private static void pad(ByteArrayOutputStream out) {
        while (out.size() % 32 != 0) {
            out.write(0);
        }
    }

    /** GPT-2's way to write a byte as a printable character. */
    private static String letter(int b) {
        boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
        if (printable) {
            return Character.toString(b);
        }
        int rank = b <= ' ' ? b : b == 0xAD ? 67 : b - 0x7F + 33;
        return Character.toString(256 + rank);
    }

    private static int count(int[] shape) {
        int count = 1;
        for (int dimension : shape) {
            count *= dimension;
        }
        return count;
    }

    private void text(String key, String value) {
        byte[] string = string(value);
        metadata.put(key, little(4 + string.length).putInt(STRING).put(string).array());
    }

    private void number(String key, int value) {
        metadata.put(key, scalar(4, value));
    }

    private void strings(String key, List<String> values) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(little(16).putInt(ARRAY).putInt(STRING).putLong(values.size()).array());
        values.forEach(value -> all.writeBytes(string(value)));
        metadata.put(key, all.toByteArray());
    }

    private static byte[] scalar(int type, int value) {
        return little(8).putInt(type).putInt(value).array();
    }

    private static byte[] string(String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        return little(8 + utf8.length).putLong(utf8.length).put(utf8).array();
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
