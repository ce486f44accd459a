package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.TIED;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;
import static dev.adapterferry.convert.WrappedTinyModels.copy;

import dev.adapterferry.tensor.ElementType;
import java.util.List;

/** The cases of {@link TinyModels} whose text model is part of one that sees and has a class of its own, and text models that only add layers that predict further tokens. */
final class SeeingTinyModels {
    private static final String TEXT = "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"vocab_size\":384,\"max_position_embeddings\":512,"
            + "\"bos_token_id\":1,\"eos_token_id\":2,\"rms_norm_eps\":1e-5,\"head_dim\":16";
    /** Half of a head turns: four pairs, in three sections. */
    private static final String SECTIONS = ",\"partial_rotary_factor\":0.5,\"rope_theta\":10000.0,\"rope_scaling\":{\"rope_type\":\"default\",\"mrope_section\":[1,1,2]}";
    private static final List<String> TOWER = List.of("model.visual.blocks.0.attn.qkv.weight", "model.visual.merger.gate_proj.weight");

    private SeeingTinyModels() { }

    static void add() {
        put("glm4v", "Glm4vForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + SECTIONS + ",\"model_type\":\"glm4v_text\",\"attention_bias\":true}" + UNTIED, c -> copy(c, "glm4", WrappedTinyModels::below, TOWER));
        put("glm-ocr", "GlmOcrForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + ",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":10000.0,\"partial_rotary_factor\":0.5,\"mrope_section\":[1,1,2]},"
                + "\"model_type\":\"glm_ocr_text\",\"num_nextn_predict_layers\":1}" + UNTIED, c -> {
            copy(c, "glm4", WrappedTinyModels::below, TOWER);
            for (int i = 0; i < 2; i++) {
                String a = "model.language_model.layers." + i + ".self_attn.";
                c.remove(a + "q_proj.bias").remove(a + "k_proj.bias").remove(a + "v_proj.bias");
            }
            c.add("model.language_model.layers.2.eh_proj.weight", 0, WIDTH, 2 * WIDTH).add("model.language_model.layers.2.enorm.weight", 1, WIDTH);
        });
        put("glm4v-moe", "Glm4vMoeForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + SECTIONS + ",\"model_type\":\"glm4v_moe_text\",\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,"
                + "\"n_shared_experts\":1,\"first_k_dense_replace\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true}" + UNTIED, c -> copy(c, "glm4moe", WrappedTinyModels::below, TOWER));
        put("exaone4_5", "Exaone4_5_ForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + ",\"model_type\":\"exaone4_5_text\",\"architectures\":[\"Exaone4ForCausalLM\"],\"sliding_window\":null,\"rope_theta\":10000.0,"
                + "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":16.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64},\"num_nextn_predict_layers\":1}" + UNTIED, c -> {
            copy(c, "exaone4", WrappedTinyModels::below, TOWER);
            c.add("mtp.fc.weight", 0, WIDTH, 2 * WIDTH).add("mtp.norm.weight", 1, WIDTH).add("mtp.layers.0.self_attn.q_proj.weight", 0, WIDTH, WIDTH);
        });
        // As released: fields of the text part beside those of the others.
        put("hunyuan-vl", "HunYuanVLForConditionalGeneration", "bpe", "," + TEXT + TIED + ",\"pad_token_id\":-1,\"rope_theta\":20.0,\"rope_scaling\":{\"type\":\"xdrope\",\"alpha\":1.5,\"factor\":1.0,"
                + "\"xdrope_section\":[2,2,2,2]},\"vision_config\":{\"hidden_size\":32}", c -> copy(c, "hunyuan-dense", name -> name, List.of("vit.layers.0.self_attn.q_proj.weight", "vit.perceive.proj.0.weight")));
        put("dots-ocr", "DotsOCRForCausalLM", "bpe", RMS + UNTIED + ",\"attention_bias\":true,\"vision_config\":{\"embed_dim\":32}", c -> {
            copy(c, "qwen2", name -> name, List.of("vision_tower.blocks.0.attn.qkv.weight", "vision_tower.merger.mlp.0.weight"));
            c.add("lm_head.weight", 0, TinyModels.ROWS, WIDTH);
        });
        put("paddleocr", "PaddleOCRVLForConditionalGeneration", "spm", "," + TEXT + UNTIED + ",\"rope_theta\":500000.0,\"rope_scaling\":{\"type\":\"default\",\"rope_type\":\"default\",\"mrope_section\":[2,3,3]},\"use_bias\":false", c -> {
            copy(c, "ernie4_5", name -> name, List.of("visual.vision_model.encoder.layers.0.self_attn.q_proj.weight", "mlp_AR.linear_1.weight"));
            c.add("lm_head.weight", 0, TinyModels.ROWS, WIDTH);
        });
        put("janus", "JanusForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + ",\"model_type\":\"llama\"}" + TIED, c -> copy(c, "llama-3.2", WrappedTinyModels::below,
                List.of("model.vision_model.encoder.layers.0.self_attn.q_proj.weight", "model.aligner.fc1.weight", "model.vqmodel.quantize.embedding.weight", "model.generation_head.proj_out.weight",
                        "model.generation_embeddings.weight", "model.generation_aligner.fc1.weight")));
        put("qwen2.5-omni", "Qwen2_5OmniModel", "bpe", ",\"thinker_config\":{\"text_config\":{" + TEXT.replace(",\"rms_norm_eps\":1e-5", "") + ",\"model_type\":\"qwen2_5_omni_text\",\"rope_theta\":1000000.0,"
                + "\"rope_scaling\":{\"type\":\"default\",\"rope_type\":\"default\",\"mrope_section\":[2,3,3]}},\"vision_config\":{\"depth\":2}},\"talker_config\":{\"hidden_size\":32},\"rms_norm_eps\":1e-5" + UNTIED, c -> {
            copy(c, "qwen2", name -> "thinker." + name, List.of("thinker.visual.blocks.0.attn.q.weight", "thinker.audio_tower.layers.0.self_attn.q_proj.weight", "talker.model.layers.0.self_attn.q_proj.weight",
                    "token2wav.code2wav_dit_model.time_embed.time_mlp.0.weight"));
            c.add("thinker.lm_head.weight", 0, TinyModels.ROWS, WIDTH);
        });
        put("sarashina2-vision", "Sarashina2VisionForCausalLM", "spm", ",\"text_config\":{" + TEXT + ",\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"]}" + UNTIED, c -> {
            copy(c, "llama", name -> "llm." + name, List.of("visual.blocks.0.attn.qkv.weight"));
            c.add("norm.weight", 1, WIDTH).add("norm.bias", 0, WIDTH);
        });
        String deepseek = TinyModels.checkpoint("deepseek3", ElementType.F32).rawConfig().toString();
        put("kimi-vl", "KimiVLForConditionalGeneration", "bpe", ",\"text_config\":" + deepseek, c -> copy(c, "deepseek3", name -> "language_model." + name, List.of("vision_tower.blocks.0.wqkv.weight", "multi_modal_projector.linear_1.weight")));
        put("stepvl", "StepVLForConditionalGeneration", "bpe", ",\"text_config\":{" + TEXT + ",\"model_type\":\"qwen3\",\"architectures\":[\"Qwen3ForCausalLM\"],\"rope_theta\":1000000.0}" + TIED,
                c -> copy(c, "qwen3", name -> name, List.of("vision_model.transformer.resblocks.0.attn.in_proj_weight", "vit_large_projector.weight")));
        put("mimo", "MiMoForCausalLM", "bpe", RMS + TIED, c -> {
            copy(c, "qwen2", name -> name, List.of());
            c.add("model.mtp_layers.0.input_proj.weight", 0, WIDTH, 2 * WIDTH).add("model.mtp_layers.0.token_layernorm.weight", 1, WIDTH);
        });
    }
}
