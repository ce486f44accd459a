package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

import dev.adapterferry.tensor.ElementType;
import java.util.List;
import java.util.function.UnaryOperator;

/** The cases of {@link TinyModels} whose text model is part of one that sees or hears, and is told by its kind only. */
final class WrappedTinyModels {
    /** As transformers writes it: nothing that the kind's config class fills in, so no key heads and no class name. */
    private static final String SIZES = "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"vocab_size\":384,\"max_position_embeddings\":512,"
            + "\"bos_token_id\":1,\"eos_token_id\":2";
    private static final String GROUPED = SIZES + ",\"num_key_value_heads\":2,\"rms_norm_eps\":1e-5";
    private static final String VISION = ",\"vision_config\":{\"hidden_size\":32}";
    private static final List<String> TOWER = List.of("model.vision_tower.encoder.layers.0.attn.qkv.weight", "model.multi_modal_projector.linear_1.weight");

    private WrappedTinyModels() { }

    static void add() {
        // transformers before 4.52 put the whole language model below language_model, later ones its body below model.
        wrapped("llava", "LlavaForConditionalGeneration", "spm", "{" + GROUPED + ",\"model_type\":\"llama\"}" + VISION, "llama", name -> "language_model." + name,
                List.of("vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight", "multi_modal_projector.linear_1.weight"));
        wrapped("llava-next-mistral", "LlavaNextForConditionalGeneration", "spm", "{" + GROUPED + ",\"model_type\":\"mistral\"}" + VISION, "mistral", WrappedTinyModels::below,
                List.of("model.vision_tower.encoder.layers.0.attn.qkv.weight", "model.multi_modal_projector.linear_1.weight", "model.image_newline.weight"));
        wrapped("llava-onevision", "LlavaOnevisionForConditionalGeneration", "bpe", "{" + GROUPED + "}" + VISION, "qwen2", WrappedTinyModels::below, TOWER);
        wrapped("internvl", "InternVLForConditionalGeneration", "bpe", "{" + GROUPED + ",\"head_dim\":16,\"model_type\":\"qwen3\"}" + VISION, "qwen3", WrappedTinyModels::below, TOWER);
        wrapped("smolvlm", "SmolVLMForConditionalGeneration", "bpe", "{" + GROUPED + ",\"model_type\":\"llama\"}" + VISION, "llama", name -> name.replaceFirst("^model\\.", "model.text_model."),
                List.of("model.vision_model.encoder.layers.0.self_attn.q_proj.weight", "model.connector.modality_projection.proj.weight"));
        wrapped("paligemma", "PaliGemmaForConditionalGeneration", "spm", "{" + SIZES + ",\"num_key_value_heads\":2,\"head_dim\":16,\"rms_norm_eps\":1e-6,\"model_type\":\"gemma\"}" + VISION, "gemma", WrappedTinyModels::below, TOWER);
        wrapped("qwen2audio", "Qwen2AudioForConditionalGeneration", "bpe", "{" + GROUPED + ",\"model_type\":\"qwen2\"},\"audio_config\":{\"d_model\":32}", "qwen2", name -> "language_model." + name,
                List.of("audio_tower.layers.0.self_attn.q_proj.weight", "multi_modal_projector.linear.weight"));
        put("phi4-vision", "Phi4ForCausalLMV", "bpe", TinyModels.RMS + TinyModels.UNTIED + ",\"original_max_position_embeddings\":512", c -> copy(c, "phi3", name -> name,
                List.of("model.vision_tower.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight", "model.mm_projector.0.weight")));
        put("phi4mm", "Phi4MMForCausalLM", "bpe", TinyModels.RMS + TinyModels.UNTIED + ",\"original_max_position_embeddings\":512", c -> {
            copy(c, "phi3", name -> name.replaceFirst("(_proj)\\.weight$", "$1.base_layer.weight"),
                    List.of("model.embed_tokens_extend.image_embed.img_projection.0.weight", "model.embed_tokens_extend.audio_embed.audio_projection.speech.0.weight"));
            TinyModels.layers(c, l -> c.add(l + "self_attn.qkv_proj.lora_A.vision.weight", 0, 4, WIDTH).add(l + "self_attn.qkv_proj.lora_B.vision.weight", 0, 128, 4));
        });
    }

    static String below(String name) {
        return name.replaceFirst("^model\\.", "model.language_model.");
    }

    private static void wrapped(String name, String className, String tokenizer, String text, String part, UnaryOperator<String> stored, List<String> tower) {
        put(name, className, tokenizer, ",\"text_config\":" + text, c -> copy(c, part, stored, tower));
    }

    /** The tensors of another case under other names, and those of an encoder. */
    static void copy(MemoryCheckpoint into, String part, UnaryOperator<String> stored, List<String> tower) {
        TinyModels.checkpoint(part, ElementType.F32).tensors().tensors().forEach(t -> into.add(stored.apply(t.name()), t.name().contains("norm") && !part.equals("gemma") ? 1 : 0,
                t.shape().stream().mapToLong(d -> d).toArray()));
        tower.forEach(tensor -> into.add(tensor, 0, 32, 32));
    }
}
