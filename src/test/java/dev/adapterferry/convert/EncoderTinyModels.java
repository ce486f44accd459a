package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.List;

/** The cases of {@link TinyModels} that make vectors of texts instead of going on with them. */
final class EncoderTinyModels {
    private static final String GEMMA = ",\"num_hidden_layers\":7,\"rms_norm_eps\":1e-6,\"head_dim\":16,\"query_pre_attn_scalar\":16,\"sliding_window\":8,\"rope_theta\":1000000.0,\"rope_local_base_freq\":10000.0,"
            + "\"use_bidirectional_attention\":true";

    /** Names of the cases. */
    static final List<String> NAMES = List.of("qwen2-embedding", "qwen2-embedding-ahead", "qwen3-embedding", "gemma-embedding");

    private EncoderTinyModels() { }

    static void add() {
        put("qwen2-embedding", "Qwen2Model", "bpe", RMS + UNTIED, c -> qwen(c, true));
        put("qwen2-embedding-ahead", "Qwen2ForCausalLM", "bpe", RMS + UNTIED + ",\"is_causal\":false", c -> qwen(c, true));
        put("qwen3-embedding", "Qwen3Model", "bpe", RMS + UNTIED + ",\"head_dim\":16", c -> qwen(c, false));
        put("gemma-embedding", "Gemma3TextModel", "spm", GEMMA, EncoderTinyModels::gemma);
    }

    /** Qwen2 with biases, Qwen3 with norms of heads; both without head and without the prefix of the class that has one. */
    private static void qwen(MemoryCheckpoint c, boolean second) {
        c.add("embed_tokens.weight", 0, ROWS, WIDTH).add("norm.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = "layers." + i + ".";
            TinyModels.norms(c, l);
            TinyModels.attention(c, l, second, "o_proj");
            TinyModels.gated(c, l + "mlp.", 96);
            if (!second) {
                TinyModels.headNorms(c, l, HEAD, HEAD);
            }
        }
    }

    private static void gemma(MemoryCheckpoint c) {
        c.add("embed_tokens.weight", 0, ROWS, WIDTH).add("norm.weight", 0, WIDTH);
        for (int i = 0; i < 7; i++) {
            String l = "layers." + i + ".";
            for (String norm : List.of("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")) {
                c.add(l + norm + ".weight", 0, WIDTH);
            }
            TinyModels.attention(c, l, false, "o_proj");
            c.add(l + "self_attn.q_norm.weight", 0, HEAD).add(l + "self_attn.k_norm.weight", 0, HEAD);
            TinyModels.gated(c, l + "mlp.", 96);
        }
    }
}
