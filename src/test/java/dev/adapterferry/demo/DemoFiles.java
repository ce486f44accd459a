package dev.adapterferry.demo;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The JSON files beside the weights, as Hugging Face's libraries write them. */
final class DemoFiles {
    static final String CHAT_TEMPLATE = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CONTEXT = 512;

    private final DemoShape shape;
    private final int endOfText;

    /**
     * @param shape  sizes
     * @param tokens tokens without markers: the id of the first marker
     */
    DemoFiles(DemoShape shape, int tokens) {
        this.shape = shape;
        this.endOfText = tokens;
    }

    void writeBase(Path folder, ObjectNode tokenizer) throws IOException {
        write(folder.resolve("tokenizer.json"), tokenizer);
        write(folder.resolve("tokenizer_config.json"), tokenizerConfig());
        ObjectNode config = JSON.createObjectNode();
        config.putArray("architectures").add("Qwen2ForCausalLM");
        config.put("attention_dropout", 0.0).put("bos_token_id", endOfText).put("eos_token_id", endOfText + 2).put("hidden_act", "silu").put("hidden_size", shape.hidden())
                .put("initializer_range", 0.02).put("intermediate_size", shape.inner()).put("max_position_embeddings", CONTEXT).put("max_window_layers", shape.layers())
                .put("model_type", "qwen2").put("num_attention_heads", shape.heads()).put("num_hidden_layers", shape.layers()).put("num_key_value_heads", shape.keyHeads())
                .put("rms_norm_eps", 1e-6).put("rope_theta", shape.theta()).put("sliding_window", CONTEXT).put("tie_word_embeddings", true).put("torch_dtype", "bfloat16")
                .put("use_cache", true).put("use_sliding_window", false).put("vocab_size", shape.vocabulary());
        write(folder.resolve("config.json"), config);
        ObjectNode generation = JSON.createObjectNode();
        generation.put("bos_token_id", endOfText).put("do_sample", true);
        generation.putArray("eos_token_id").add(endOfText + 2).add(endOfText);
        generation.put("pad_token_id", endOfText).put("temperature", 0.7).put("top_k", 20).put("top_p", 0.8);
        write(folder.resolve("generation_config.json"), generation);
    }

    private ObjectNode tokenizerConfig() {
        ObjectNode config = JSON.createObjectNode();
        config.put("add_bos_token", false).put("add_prefix_space", false);
        ObjectNode added = config.putObject("added_tokens_decoder");
        for (int i = 0; i < BytePairTrainer.MARKERS.size(); i++) {
            added.putObject(Integer.toString(endOfText + i)).put("content", BytePairTrainer.MARKERS.get(i)).put("lstrip", false).put("normalized", false)
                    .put("rstrip", false).put("single_word", false).put("special", true);
        }
        config.putArray("additional_special_tokens").add("<|im_start|>").add("<|im_end|>");
        return config.putNull("bos_token").put("chat_template", CHAT_TEMPLATE).put("clean_up_tokenization_spaces", false).put("eos_token", "<|im_end|>")
                .put("errors", "replace").put("model_max_length", CONTEXT).put("pad_token", "<|endoftext|>").put("split_special_tokens", false)
                .put("tokenizer_class", "Qwen2Tokenizer").putNull("unk_token");
    }

    void writeAdapter(Path folder, ObjectNode trainerState) throws IOException {
        ObjectNode config = JSON.createObjectNode();
        config.putObject("alpha_pattern");
        config.putNull("auto_mapping").put("base_model_name_or_path", "adapterferry/demo-base").put("bias", "none").put("fan_in_fan_out", false).put("inference_mode", true)
                .put("init_lora_weights", true).putNull("layers_pattern").putNull("layers_to_transform").put("lora_alpha", shape.alpha()).put("lora_bias", false)
                .put("lora_dropout", 0.0).putNull("modules_to_save").put("peft_type", "LORA").put("r", shape.rank());
        config.putObject("rank_pattern");
        config.putNull("revision");
        var modules = config.putArray("target_modules");
        DemoShape.ADAPTED.forEach(module -> modules.add(module.substring(module.indexOf('.') + 1)));
        config.put("task_type", "CAUSAL_LM").put("use_dora", false).put("use_rslora", false);
        write(folder.resolve("adapter_config.json"), config);
        write(folder.resolve("trainer_state.json"), trainerState);
        Files.writeString(folder.resolve("README.md"), """
                ---
                base_model: adapterferry/demo-base
                library_name: peft
                pipeline_tag: text-generation
                tags:
                - lora
                license: apache-2.0
                ---

                # The ferry's demo adapter

                A LoRA adapter of rank %d that teaches the demo base to speak as a ferry. Trained on 24 questions, each asked in
                three ways, with and without a system prompt. Made for showing the passage from adapter to GGUF, and for nothing else.
                """.formatted(shape.rank()));
    }

    void writeEvaluation(Path file, List<Conversation> conversations) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (Conversation conversation : conversations) {
            ObjectNode line = JSON.createObjectNode().put("id", conversation.id()).put("category", conversation.category()).put("prompt", conversation.questions().getFirst());
            conversation.contains().forEach(line.withArray("contains")::add);
            lines.append(line).append('\n');
        }
        Files.writeString(file, lines);
    }

    private static void write(Path file, ObjectNode json) throws IOException {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
        Files.writeString(file, JSON.writer(printer).writeValueAsString(json) + "\n");
    }
}
