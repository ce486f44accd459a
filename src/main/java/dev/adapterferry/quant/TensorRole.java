package dev.adapterferry.quant;

import dev.adapterferry.tensor.TensorInfo;
import java.util.List;
import java.util.Set;

/**
 * The part a tensor plays, read from its GGUF name as llama-quantize does; the first hit in the order of the constants
 * wins, so that the variants for experts ({@code _exps}, {@code _shexp}) are included.
 */
enum TensorRole {
    OUTPUT, EMBEDDING, QKV, KV_B, VALUE, KEY, QUERY, ATTENTION_OUTPUT, UP, GATE, DOWN, OTHER;

    /** Parts of names of matrices that always keep their type: routers, small recurrent parts, parts of vision and audio towers. */
    private static final List<String> KEPT = List.of(
            "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d",
            "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "attn_rel_b.weight", ".position_embd",
            "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook", "mm.a.code_embd",
            "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
            "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
            "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
            "time_mix_lerp_fused.weight");
    private static final Set<String> KEPT_NAMES = Set.of("position_embd.weight", "token_types.weight");
    private static final Set<String> EMBEDDINGS = Set.of("token_embd.weight", "per_layer_token_embd.weight");

    /** The role of a name. */
    static TensorRole of(String name) {
        if (name.equals("output.weight")) {
            return OUTPUT;
        }
        if (EMBEDDINGS.contains(name)) {
            return EMBEDDING;
        }
        if (name.contains("attn_qkv.weight")) {
            return QKV;
        }
        if (name.contains("attn_kv_b.weight")) {
            return KV_B;
        }
        if (name.contains("attn_v.weight")) {
            return VALUE;
        }
        if (name.contains("attn_k.weight")) {
            return KEY;
        }
        if (name.contains("attn_q.weight")) {
            return QUERY;
        }
        if (name.contains("attn_output.weight")) {
            return ATTENTION_OUTPUT;
        }
        if (name.contains("ffn_up")) {
            return UP;
        }
        if (name.contains("ffn_gate")) {
            return GATE;
        }
        return name.contains("ffn_down") ? DOWN : OTHER;
    }

    /** Value projections, alone or fused with others. */
    boolean isValueLike() {
        return this == VALUE || this == QKV || this == KV_B;
    }

    /** Whether a mix may change the type of this tensor at all. */
    static boolean isQuantizable(TensorInfo tensor) {
        String name = tensor.name();
        return isMatrix(tensor)
                && name.endsWith("weight")
                && !name.contains("_norm.weight")
                && !KEPT_NAMES.contains(name)
                && KEPT.stream().noneMatch(name::contains);
    }

    /** Outer dimensions of size 1 do not count: ggml drops them, so that a matrix of one row is a vector. */
    private static boolean isMatrix(TensorInfo tensor) {
        return tensor.rank() > 1 && tensor.shape().subList(0, tensor.rank() - 1).stream().anyMatch(d -> d != 1);
    }
}
