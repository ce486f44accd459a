package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@link LogitsIT} would see: files damaged as a wrong conversion damages them load in llama.cpp and compute something else. */
class WrongTransformsIT {
    /** Where llama.cpp looks GELU up in a table of F16. */
    private static final double TABLE = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @BeforeAll
    static void needsIt() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @CsvSource({"llama, attn_q.weight, swap-halves", "llama, attn_k.weight, swap-halves", "mixtral, attn_k.weight, swap-halves", "qwen2, attn_q.weight, permute", "qwen2, attn_k.bias, permute",
            "gemma2, attn_norm.weight, minus-one", "gemma2, post_ffw_norm.weight, minus-one", "phi3, ffn_up.weight, other-half-first", "mixtral, ffn_gate_exps.weight, next-expert",
            "llama-3.2, rope_freqs.weight, ones", "starcoder2, attn_norm.bias, minus-one",
            "cohere2, attn_q.weight, permute", "deepseek, blk.1.ffn_up_exps.weight, next-expert", "exaone, attn_k.weight, permute", "exaone, rope_freqs.weight, ones",
            "falcon-40b, attn_norm.weight, reversed", "falcon-40b, attn_norm_2.weight, reversed", "glm, attn_q.weight, swap-halves", "glm, ffn_up.weight, other-half-first",
            "gpt2, attn_qkv.weight, next-part", "gpt2, position_embd.weight, reversed", "olmoe, attn_q.weight, permute", "olmoe, attn_k_norm.weight, reversed",
            "olmoe, ffn_gate_exps.weight, next-expert", "phimoe, attn_k.weight, permute", "phimoe, ffn_down_exps.weight, next-expert", "starcoder, attn_qkv.weight, next-part",
            "nanbeige, attn_q.weight, reversed", "refact, attn_v.weight, reversed", "jais2, attn_q.bias, permute", "jais2, output_norm.bias, minus-one", "codeshell, attn_qkv.weight, next-part", "pangu-embedded, attn_k.weight, permute", "maincoder, attn_q.weight, permute",
            "maincoder, attn_q_norm.weight, reversed", "plm, attn_q.weight, reversed", "dream, attn_k.bias, permute", "llada, attn_k.weight, swap-halves", "llada, ffn_gate.weight, reversed",
            "deci, attn_k.weight, swap-halves", "deci, rope_freqs.weight, ones", "openelm, ffn_gate.weight, reversed", "openelm, attn_q_norm.weight, reversed",
            "baichuan, attn_k.weight, swap-halves", "orion, attn_q.weight, permute", "dbrx, ffn_up_exps.weight, next-expert", "granite4, ffn_up.weight, other-half-first",
            "bailingmoe2, blk.1.exp_probs_b.bias, reversed", "granite4-h, blk.0.ssm_a, reversed", "granite4-h, blk.2.ssm_d, reversed", "falcon-h1-normed, blk.1.ssm_norm.weight, reversed", "falcon-h1, attn_k.weight, permute", "nemotron_h_moe, blk.1.ffn_down_exps.weight, next-expert", "jamba, blk.1.ffn_up_exps.weight, next-expert", "jamba, ssm_b_norm.weight, reversed", "mamba, ssm_d, reversed", "mamba2, ssm_norm.weight, other-half-first", "plamo2, ssm_in.weight, other-half-first", "plamo2, blk.1.attn_q_norm.weight, reversed", "plamo3, ffn_up.weight, other-half-first", "minimax-m2, ffn_gate_exps.weight, next-expert", "minicpm3, rope_factors_short.weight, ones",
            "stablelm-12b, attn_q_norm.weight, reversed", "stablelm-12b, attn_k_norm.weight, minus-one", "olmo3, post_attention_norm.weight, reversed",
            "t5, enc.blk.0.attn_rel_b.weight, reversed", "t5-1.1, dec.blk.0.attn_rel_b.weight, reversed", "umt5, dec.blk.1.cross_attn_k.weight, permute", "mt5, enc.blk.0.ffn_gate.weight, permute",
            "qwen3, attn_q.weight, permute", "smollm3, attn_q.weight, swap-halves",
            "apertus, attn_k.weight, permute", "apertus, rope_freqs.weight, ones", "exaone4, attn_q.weight, permute", "exaone4, post_ffw_norm.weight, minus-one",
            "glm4moe, blk.1.ffn_down_exps.weight, next-expert", "glm4moe, attn_q.bias, permute", "gpt-oss, ffn_gate_exps.weight, next-expert", "gpt-oss, attn_sinks.weight, minus-one",
            "gpt-oss, ffn_up_exps.bias, minus-one", "lfm2, shortconv.in_proj.weight, other-half-first", "lfm2, token_embd_norm.weight, minus-one", "hunyuan-dense, attn_q.weight, permute",
            "mistral3, attn_q.weight, swap-halves", "ernie4_5-moe, attn_k.weight, swap-halves", "ernie4_5-moe, blk.1.exp_probs_b.bias, reversed", "lfm2moe, blk.1.ffn_gate_exps.weight, next-expert",
            "llada-moe, attn_k.weight, permute", "hy_v3, blk.1.exp_probs_b, reversed", "hy_v3, blk.1.ffn_up_shexp.weight, reversed", "rnd1, ffn_up_exps.weight, next-expert",
            "smallthinker, ffn_gate_exps.weight, next-expert", "grovemoe, ffn_up_chexps.weight, reversed", "mellum, attn_q.weight, permute", "laguna, attn_gate.weight, reversed", "laguna, blk.1.exp_probs_b.bias, reversed",
            "arctic, attn_q.weight, swap-halves", "arctic, ffn_down_exps.weight, next-expert", "arctic, ffn_norm_exps.weight, minus-one",
            "hunyuan-moe, attn_k.weight, permute", "hunyuan-moe, ffn_down_exps.weight, next-expert", "bailingmoe, attn_q.weight, swap-halves", "bailingmoe, output.weight, reversed",
            "sarvam-moe, blk.1.exp_probs_b.bias, reversed", "solar_open, blk.1.ffn_gate_exps.weight, next-expert", "afmoe, attn_gate.weight, reversed", "afmoe, blk.1.exp_probs_b.bias, reversed",
            "exaone-moe, blk.1.exp_probs_b.bias, reversed", "exaone-moe, attn_q.weight, permute",
            "gemma3n, altup_proj.weight, next-part", "gemma3n, altup_unembd_proj.weight, next-part", "gemma3n, blk.24.post_norm.weight, minus-one", "gemma3n, altup_correct_scale.weight, reversed",
            "gemma3n, per_layer_proj_norm.weight, minus-one", "gemma4, rope_freqs.weight, ones", "gemma4, blk.1.attn_q.weight, permute", "gemma4, layer_output_scale.weight, minus-one",
            "cohere2moe, blk.1.ffn_up_exps.weight, next-expert", "cohere2moe, attn_q.weight, permute", "minimax-01, blk.1.attn_qkv.weight, next-part", "minimax-01, attn_norm_2.weight, reversed", "minimax-01, blk.3.attn_k.weight, permute",
            "rwkv6, blk.1.time_mix_lerp_fused.weight, reversed", "rwkv6, blk.0.time_mix_first.weight, reversed", "arwkv7, blk.1.time_mix_lerp_fused.weight, reversed", "rwkv7, blk.1.time_mix_lerp_fused.weight, reversed", "rwkv7, blk.0.time_mix_r_k.weight, reversed", "gemma4-moe, ffn_gate_up_exps.weight, next-expert", "gemma4-moe, ffn_down_exps.scale, reversed", "gemma4-moe, ffn_gate_inp.scale, minus-one"})
    void shows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        ConvertedModel bad = DamagedTensors.in(new ModelConverter().convert(checkpoint, Provenance.NONE), tensor, damage);
        Path file = GgufFiles.write(bad, folder.resolve(name + "-" + damage + ".gguf"), GgmlType.F32);
        ReferenceLogits reference = ReferenceLogits.of(checkpoint);
        assertThat(difference(Logits.ofCurrent(file, TOKENS), reference.logits(TOKENS))).as("five times what the comparison allows").isGreaterThan(5 * Math.max(TABLE, reference.bound()));
    }
}
