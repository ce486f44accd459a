package dev.adapterferry.convert;

import dev.adapterferry.gguf.GgufMetadata;
import java.lang.reflect.Array;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The memory in which llama.cpp keeps what a conversation has said so far: keys and values in F16 of every layer with attention of its own, for all
 * tokens or for those of its window only, and the states in F32 of layers that have something else. As llama.cpp allocates it since May 2025
 * for one conversation ({@code llama_kv_cache_iswa}, {@code llama_memory_recurrent}), or as older builds do, which keep all tokens for windowed layers too.
 */
final class KeyValueCache {
    private static final int F16_BYTES = 2;
    private static final int F32_BYTES = 4;
    /** Cells come in multiples of this. */
    private static final int CELLS = 256;
    /** Tokens that are computed at once (llama.cpp's default); a window must hold them beside those that they see. */
    private static final int BATCH = 512;
    /** Graphs that know their windows without being told by the file: all layers but every n-th. */
    private static final Map<String, Integer> WINDOWED_BUT_EVERY = Map.of("gemma2", 2, "gpt-oss", 2, "afmoe", 4, "cohere2", 4, "llama4", 4, "gemma3", 6);
    /** Every token sees all others at once: nothing is kept for a next one. */
    private static final Set<String> ENCODERS = Set.of("bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe");
    /** Those of which each fourth layer sees everything, from the first on. */
    private static final Set<String> FIRST_SEES_ALL = Set.of("laguna", "smallthinker");
    private static final int LLAMA4_CHUNK = 8192;
    /** Both halves of a layer look at the token before. */
    private static final long RWKV_SHIFTS = 2;
    /** These look at all tokens anew each time. */
    private static final Set<String> WITHOUT = Set.of("dream", "llada", "llada-moe", "rnd1");

    private final ModelOutline outline;
    private final boolean windows;
    private final int layers;

    private KeyValueCache(ModelOutline outline, boolean windows) {
        this.outline = outline;
        this.windows = windows;
        this.layers = (int) outline.number("block_count");
    }

    /**
     * Bytes for one conversation.
     *
     * @param outline the model
     * @param tokens  longest conversation
     * @param windows whether layers with windows keep no more than they see
     */
    static long bytes(ModelOutline outline, long tokens, boolean windows) {
        return new KeyValueCache(outline, windows).bytes(tokens);
    }

    private long bytes(long tokens) {
        if (WITHOUT.contains(outline.architecture()) || ENCODERS.contains(outline.architecture())) {
            return 0;
        }
        long all = cells(tokens);
        long windowed = windows ? Math.min(all, cells(window() + BATCH)) : all;
        // Layers that only predict further tokens have no part in a plain answer.
        long main = layers - outline.number("nextn_predict_layers");
        long own = main - outline.number("attention.shared_kv_layers");
        long bytes = 0;
        for (int layer = 0; layer < main; layer++) {
            if (keepsState(layer)) {
                bytes += F32_BYTES * state();
            }
            if (attends(layer) && layer < own) {
                boolean local = isWindowed(layer);
                bytes += F16_BYTES * (local ? windowed : all) * keyHeads(layer) * (keyLength(local) + valueLength(local));
                bytes += F16_BYTES * all * indexLength(layer);
            }
        }
        return bytes * Math.max(1, outline.number("num_loops"));
    }

    private static long cells(long tokens) {
        return (tokens + CELLS - 1) / CELLS * CELLS;
    }

    private long window() {
        return outline.architecture().equals("llama4") && find("attention.sliding_window").isEmpty() ? LLAMA4_CHUNK : outline.number("attention.sliding_window");
    }

    private boolean isWindowed(int layer) {
        // Phi 3 names a window that llama.cpp does not use; EXAONE 4 is known to have windows by its 64 layers.
        if (window() == 0 || outline.architecture().equals("phi3") || outline.architecture().equals("exaone4") && layers != 64) {
            return false;
        }
        if (FIRST_SEES_ALL.contains(outline.architecture())) {
            return layer % 4 != 0;
        }
        Integer every = WINDOWED_BUT_EVERY.get(outline.architecture());
        return every != null ? layer % every < every - 1 : perLayer("attention.sliding_window_pattern", layer).orElse(0L) != 0;
    }

    private boolean attends(int layer) {
        if (outline.number("wkv.head_size") > 0) {
            return false;
        }
        if (perLayer("attention.recurrent_layers", layer).orElse(0L) != 0) {
            return false;
        }
        long every = outline.number("full_attention_interval");
        return every > 0 ? (layer + 1) % every == 0 : keyHeads(layer) > 0;
    }

    /** In the place of attention, or beside it; layers of Nemotron-H may also have nothing but a feed-forward. */
    private boolean keepsState(int layer) {
        return switch (outline.architecture()) {
            case "falcon-h1" -> true;
            case "nemotron_h", "nemotron_h_moe" -> !attends(layer) && perLayer("feed_forward_length", layer).orElse(0L) == 0;
            default -> !attends(layer);
        };
    }

    private long keyHeads(int layer) {
        return perLayer("attention.head_count_kv", layer).or(() -> perLayer("attention.head_count", layer)).orElse(0L);
    }

    private long heads() {
        return Math.max(1, outline.number("attention.head_count"));
    }

    private long keyLength(boolean local) {
        return length("key", local);
    }

    /** Attention over latent vectors finds its values in its keys. */
    private long valueLength(boolean local) {
        return outline.number("attention.key_length_mla") > 0 ? 0 : length("value", local);
    }

    /** Of the keys by which a layer chooses the tokens that it looks at. */
    private long indexLength(int layer) {
        return perLayer("attention.indexer.types", layer).orElse(1L) == 0 ? 0 : outline.number("attention.indexer.key_length");
    }

    private long length(String what, boolean local) {
        long own = local ? outline.number("attention." + what + "_length_swa") : 0;
        long all = outline.number("attention." + what + "_length");
        return own > 0 ? own : all > 0 ? all : outline.number("embedding_length") / heads();
    }

    /** Numbers that a layer without attention remembers: what its convolution has yet to see, or the token before, and its state. */
    private long state() {
        long matrix = outline.number("wkv.head_size");
        if (matrix > 0) {
            long shifts = find("token_shift_count").isPresent() ? outline.number("token_shift_count") : RWKV_SHIFTS;
            return outline.number("embedding_length") * (shifts + matrix);
        }
        long convolution = outline.number("shortconv.l_cache");
        if (convolution > 0) {
            return outline.number("embedding_length") * (convolution - 1);
        }
        if (find("attention.recurrent_layers").isPresent()) {
            return heads() * keyLength(false) * keyLength(false);
        }
        long taps = Math.max(0, outline.number("ssm.conv_kernel") - 1);
        long delta = outline.number("kda.head_dim");
        if (delta > 0) {
            return heads() * delta * (3 * taps + delta);
        }
        long inner = outline.number("ssm.inner_size");
        long size = outline.number("ssm.state_size");
        return taps * (inner + 2 * outline.number("ssm.group_count") * size) + size * inner;
    }

    private Optional<GgufMetadata.Value> find(String key) {
        return outline.metadata().find(outline.architecture() + "." + key);
    }

    /** A number or flag that may differ from layer to layer. */
    private Optional<Long> perLayer(String key, int layer) {
        return find(key).map(value -> switch (value.value()) {
            case List<?> list -> list.get(layer);
            case Object array when array.getClass().isArray() -> Array.get(array, layer);
            case Object one -> one;
        }).map(one -> one instanceof Boolean flag ? flag ? 1L : 0L : ((Number) one).longValue());
    }
}
