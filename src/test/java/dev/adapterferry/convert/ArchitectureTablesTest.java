package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The tables of architectures: complete, documented, each with a tiny model; what they refuse, and what a file tells of itself. */
class ArchitectureTablesTest {
    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    @Test
    void everyArchitectureHasATinyModel() {
        Set<String> tried = TinyModels.names().stream().map(name -> ArchitectureCatalog.builtIn().require(checkpoint(name).config(), name).file()).collect(Collectors.toCollection(TreeSet::new));
        assertThat(tried).isEqualTo(ArchitectureCatalog.builtIn().all().stream().map(Architecture::file).collect(Collectors.toCollection(TreeSet::new)));
    }

    @Test
    void everyArchitectureIsDocumented() throws IOException {
        String page = Files.readString(Path.of("src/docs/architectures.md"));
        ArchitectureCatalog.builtIn().all().forEach(a -> assertThat(page).contains("| `" + a.file() + "` | " + String.join(", ", a.classes()) + " | " + a.arch() + " |"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "GemmaForCausalLM",
            "Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Phi3ForCausalLM", "SmolLM3ForCausalLM", "GraniteForCausalLM", "Olmo2ForCausalLM", "CohereForCausalLM",
            "Starcoder2ForCausalLM", "Glm4ForCausalLM", "GptOssForCausalLM", "StableLmForCausalLM", "FalconForCausalLM", "ExaoneForCausalLM", "InternLM2ForCausalLM", "MiniCPMForCausalLM"})
    void whatPeopleFineTuneIsKnown(String className) {
        assertThat(ArchitectureCatalog.builtIn().classNames()).contains(className);
    }

    @Test
    void listsTheNearestOfAnUnknownName() throws IOException {
        ObjectNode config = (ObjectNode) new ObjectMapper().readTree("{\"architectures\":[\"LlamaaForCausalLM\"]}");
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/new")).isInstanceOf(FerryException.class).hasMessageContaining("'LlamaaForCausalLM' is not supported")
                .hasMessageContaining("LlamaForCausalLM");
    }

    /** The names that a slip or a successor would mean. */
    @ParameterizedTest
    @CsvSource({"Gemma5ForCausalLM, Gemma4ForCausalLM", "Gemma4ForConditionalGeneraton, Gemma4ForConditionalGeneration", "Qwen9ForCausalLM, Qwen3ForCausalLM", "Phi5ForCausalLM, Phi3ForCausalLM",
            "MistralLMHeadModel, MistralForCausalLM", "Lfm3MoeForCausalLM, Lfm2MoeForCausalLM", "gptoss, GptOssForCausalLM"})
    void theNearestNamesAreThoseThatWereMeant(String unknown, String meant) {
        ObjectNode config = new ObjectMapper().createObjectNode();
        config.putArray("architectures").add(unknown);
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/new")).hasMessageContaining("architecture '" + unknown + "' is not supported")
                .hasMessageContaining("nearest supported ones are").hasMessageContaining(meant);
    }

    /** A configuration that llama.cpp reads past: it loads the file and talks nonsense. */
    @ParameterizedTest
    @CsvSource({"cohere2moe, shared_expert_combination_strategy, '\"sum\"'", "cohere2moe, prefix_dense_sliding_window_pattern, 4", "cohere2moe, attention_bias, true", "cohere2moe, layer_types, null",
            "minimax-01, postnorm, false", "minimax-01, shared_intermediate_size, 96", "minimax-01, layernorm_full_attention_alpha, 2.0", "minimax-01, layernorm_linear_attention_alpha, 2.0",
            "minimax-01, layernorm_full_attention_beta, 0.5", "minimax-01, layernorm_linear_attention_beta, 0.5", "minimax-01, layernorm_mlp_beta, 0.5",
            "bitnet, hidden_act, '\"relu2\"'", "bitnet, weight_bits, 2", "rwkv6, head_size_divisor, 4", "rwkv6qwen2, use_rope, true", "rwkv6qwen2, balance_state, false", "rwkv6qwen2, gate_rank_type, 2", "rwkv6qwen2, groupnorm_att, true", "rwkv7, norm_eps, 0.001",
            "rwkv7-older, head_size_divisor, 16", "rwkv7, attn, '{\"layers\":[1]}'", "arwkv7, wkv_version, 6", "falcon, alibi, true", "falcon, parallel_attn, false", "bloom, apply_residual_connection_post_layernorm, true", "gpt2, scale_attn_by_inverse_layer_idx, true",
            "starcoder, scale_attn_weights, false", "olmoe, norm_topk_prob, true", "deepseek, norm_topk_prob, true", "cohere2, sliding_window_pattern, 2",
            "glm-dsa, indexer_rope_interleave, false", "kimi-linear, mla_use_nope, false", "kimi-linear, num_expert_group, 2", "kimi-linear, moe_renormalize, false", "kimi-linear, moe_layer_freq, 2", "kimi-linear, q_lora_rank, 24",
            "kimi-linear, attn_res_block_size, 4", "kimi-linear, mla_use_output_gate, true", "hunyuan-vl, attention_bias, true", "mimo2, norm_topk_prob, false", "mimo2, attention_bias, true", "mimo2, swa_head_dim, 32",
            "hunyuan-moe, moe_topk, '[2,1]'", "hunyuan-moe, use_cla, true", "bailingmoe, first_k_dense_replace, 1", "bailingmoe, num_shared_experts, 0", "afmoe, mup_enabled, false",
            "afmoe, layer_types, '[\"full_attention\",\"sliding_attention\"]'", "exaone-moe, sliding_window, null",
            "llada, scale_logits, true", "llada, include_qkv_bias, true", "llada, input_emb_norm, true", "jais, mup_scale_qk_dot_by_d, false", "jais, alibi_scaling, {\"factor\":2.0}", "maincoder, use_qk_norm, false",
            "pangu-embedded, bias, false", "plm, q_lora_rank, 24", "codeshell, group_query_attention, false", "youtu, rope_interleave, false", "nanbeige, qk_layernorm, true", "nanbeige, loop_loss_weights, [1]", "nanbeige, emb_neighbor_num, 2",
            "llada-moe, moe_layer_freq, '[0,1]'", "llada-moe, shared_expert_intermediate_size, 48", "llada-moe, qk_layernorm, false", "rnd1, norm_topk_prob, false",
            "smallthinker, rope_layout, '[0,1]'", "smallthinker-21b, sliding_window_size, 2048", "smallthinker-21b, sliding_window_layout, '[1,1,1,1,1,1]'", "arctic, moe_layer_frequency, 2", "arctic, parallel_attn_mlp_res, false",
            "mellum, rope_parameters, '{\"full_attention\":{\"rope_theta\":500000.0},\"sliding_attention\":{\"rope_theta\":10000.0}}'", "laguna, moe_router_logit_softcapping, 30.0",
            "laguna, layer_types, '[\"sliding_attention\",\"full_attention\"]'",
            "openelm, normalize_qk_projections, false", "openelm, ffn_with_glu, false"})
    void refusesWhatLlamaCppWouldComputeOtherwise(String name, String field, String value) throws IOException {
        ObjectNode config = checkpoint(name).config();
        ArchitectureCatalog.builtIn().check(config, "org/new");
        config.set(field, new ObjectMapper().readTree(value));
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/new")).isInstanceOf(FerryException.class).hasMessageContaining("Cannot convert org/new: llama.cpp")
                .hasMessageContaining(field);
    }

    /** What would stop the conversion is said by config.json alone, before anything is transferred. */
    @Test
    void refusesAConfigurationThatLacksWhatTheFileNeeds() {
        ObjectNode sections = checkpoint("qwen2vl").config();
        ((ObjectNode) sections.get("rope_scaling")).remove("mrope_section");
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(sections, "org/new")).isInstanceOf(FerryException.class).hasMessageContaining("Cannot convert org/new: config.json").hasMessageContaining("mrope_section");
        ObjectNode width = checkpoint("qwen3").config();
        width.remove("hidden_size");
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(width, "org/new")).isInstanceOf(FerryException.class).hasMessageContaining("Cannot convert org/new: config.json lacks 'hidden_size");
    }

    /** As a merge leaves it when the adapter has trained the head. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gemma2", "command-r", "cohere2"})
    void refusesAHeadThatLlamaCppHasNoPlaceFor(String name) {
        MemoryCheckpoint untied = checkpoint(name).add("lm_head.weight", 0, TinyModels.ROWS, TinyModels.WIDTH);
        untied.rawConfig().put("tie_word_embeddings", false);
        assertThatThrownBy(() -> new ModelConverter().tensors(untied)).hasMessageContaining("this model has a head of its own");
    }

    @Test
    void writesTheEmbeddingTwiceWhereLlamaCppWantsAnOutput() {
        for (String name : List.of("bloom", "deepseek", "glm", "gpt2", "gptneox", "nemotron", "olmoe", "phimoe", "qwen2moe", "stablelm")) {
            MemoryCheckpoint tied = checkpoint(name).remove("lm_head.weight").remove("embed_out.weight");
            tied.rawConfig().put("tie_word_embeddings", true);
            List<String> names = new ModelConverter().tensors(tied).tensors().stream().map(TensorInfo::name).toList();
            assertThat(names.indexOf("output.weight")).as(name).isEqualTo(names.indexOf("token_embd.weight") + 1);
            tied.rawConfig().put("tie_word_embeddings", false);
            assertThatThrownBy(() -> new ModelConverter().tensors(tied)).hasMessageContaining("lacks 1 tensor").hasMessageMatching("(?s).*(lm_head|embed_out)\\.weight.*");
        }
    }

    @Test
    void namesMissingTensors() {
        MemoryCheckpoint checkpoint = checkpoint("llama").remove("model.layers.1.mlp.up_proj.weight").remove("model.norm.weight");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("lacks 2 tensors").hasMessageContaining("model.layers.1.mlp.up_proj.weight")
                .hasMessageContaining("model.norm.weight");
    }

    @Test
    void namesAMissingExpert() {
        MemoryCheckpoint checkpoint = checkpoint("mixtral").remove("model.layers.1.block_sparse_moe.experts.3.w2.weight");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("part 3 of 'blk.1.ffn_down_exps.weight'");
    }

    @Test
    void theFileTellsWhereItCameFrom() {
        Provenance provenance = new Provenance(Optional.of("ab12"), Optional.of("Qwen/Qwen2.5-7B-Instruct"), Optional.of("0123abcd"), Optional.of("20261128-1"), Optional.of("1.2.3"),
                Optional.of("majora"), Optional.empty());
        GgufMetadata metadata = new ModelConverter().convert(checkpoint("qwen2"), provenance).metadata();
        assertThat(metadata.findString("general.architecture")).contains("qwen2");
        assertThat(metadata.findString("general.type")).contains("model");
        assertThat(metadata.findString("general.name")).contains("tiny/checkpoint");
        assertThat(metadata.findString("adapterferry.adapter.sha256")).contains("ab12");
        assertThat(metadata.findString("adapterferry.base.model")).contains("Qwen/Qwen2.5-7B-Instruct");
        assertThat(metadata.findString("adapterferry.base.commit")).contains("0123abcd");
        assertThat(metadata.findString("adapterferry.run.id")).contains("20261128-1");
        assertThat(metadata.findString("adapterferry.version")).contains("1.2.3");
        assertThat(metadata.findString("general.quantized_by")).contains("Adapter Ferry 1.2.3");
        assertThat(metadata.findLong("general.base_model.count")).contains(1L);
        assertThat(metadata.findString("general.basename")).contains("Qwen2.5");
        assertThat(metadata.findString("general.size_label")).contains("7B");
        assertThat(metadata.findString("general.finetune")).contains("majora");
        assertThat(metadata.findString("general.base_model.0.name")).contains("Qwen2.5 7B Instruct");
        assertThat(metadata.findString("general.base_model.0.organization")).contains("Qwen");
        assertThat(metadata.findString("general.base_model.0.repo_url")).contains("https://huggingface.co/Qwen/Qwen2.5-7B-Instruct");
    }
}
