package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The cases of {@link TinyModels} of the GLM models that are published with code of their own, and tokenizers as those have them. */
final class ChatGlmTinyModels {
    /** As published: Python escapes its backslashes, since the string is no raw one. */
    static final String GLM4_EXPRESSION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final List<String> GLM4_SPECIALS = List.of("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>");
    static final String GLM4_TEMPLATE = "[gMASK]<sop>{% for item in messages %}<|{{ item['role'] }}|>\n{{ item['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
    private static final String CONFIG = ",\"add_bias_linear\":false,\"add_qkv_bias\":true,\"apply_query_key_layer_scaling\":true,\"apply_residual_connection_post_layernorm\":false,\"kv_channels\":16,"
            + "\"multi_query_attention\":true,\"multi_query_group_num\":2,\"num_layers\":2,\"ffn_hidden_size\":96,\"original_rope\":true,\"padded_vocab_size\":384,\"post_layer_norm\":true,"
            + "\"rmsnorm\":true,\"seq_length\":512,\"tie_word_embeddings\":false,\"eos_token_id\":";

    private ChatGlmTinyModels() { }

    static void add() {
        put("chatglm3", "ChatGLMModel", "chatglm3", CONFIG + "2,\"layernorm_epsilon\":1e-05", c -> tensors(c));
        put("glm4-9b", "ChatGLMModel", "glm4", CONFIG + "[316,323,325],\"layernorm_epsilon\":1.5625e-07,\"rope_ratio\":500", c -> {
            tensors(c);
            c.add("transformer.vision.transformer.layers.0.attention.query_key_value.weight", 0, 96, 32);
        });
    }

    private static void tensors(MemoryCheckpoint c) {
        // Their configuration class has names of its own for these.
        c.rawConfig().remove(List.of("intermediate_size", "num_hidden_layers", "num_key_value_heads", "max_position_embeddings", "vocab_size", "bos_token_id"));
        c.add("transformer.embedding.word_embeddings.weight", 0, ROWS, WIDTH).add("transformer.encoder.final_layernorm.weight", 1, WIDTH).add("transformer.output_layer.weight", 0, ROWS, WIDTH);
        c.add("transformer.rotary_pos_emb.inv_freq", 0, 4);
        for (int i = 0; i < 2; i++) {
            String l = "transformer.encoder.layers." + i + ".";
            c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "post_attention_layernorm.weight", 1, WIDTH);
            c.add(l + "self_attention.query_key_value.weight", 0, WIDTH + 4 * HEAD, WIDTH).add(l + "self_attention.query_key_value.bias", 0, WIDTH + 4 * HEAD);
            c.add(l + "self_attention.dense.weight", 0, WIDTH, WIDTH).add(l + "mlp.dense_h_to_4h.weight", 0, 192, WIDTH).add(l + "mlp.dense_4h_to_h.weight", 0, WIDTH, 96);
        }
    }

    /** Writes the tiktoken file of GLM-4 and what is beside it; special tokens follow the ranks. */
    static void writeGlm4(Path folder, ByteBpeTrainer trained) throws IOException {
        trained.writeRanks(Files.createDirectories(folder).resolve("tokenizer.model"));
        StringBuilder decoder = new StringBuilder();
        for (int i = 0; i < GLM4_SPECIALS.size(); i++) {
            decoder.append(i == 0 ? "" : ",").append('"').append(trained.size() + i).append("\":{\"content\":\"").append(GLM4_SPECIALS.get(i)).append("\",\"special\":true}");
        }
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"auto_map\":{\"AutoTokenizer\":[\"tokenization_chatglm.ChatGLM4Tokenizer\",null]},\"added_tokens_decoder\":{" + decoder
                + "},\"eos_token\":\"<|endoftext|>\",\"pad_token\":\"<|endoftext|>\",\"chat_template\":\"" + GLM4_TEMPLATE.replace("\n", "\\n") + "\"}");
        Files.writeString(folder.resolve("tokenization_chatglm.py"), "class ChatGLM4Tokenizer(PreTrainedTokenizer):\n    def __init__(self, vocab_file, **kwargs):\n        pat_str = \""
                + GLM4_EXPRESSION.replace("\\", "\\\\") + "\"\n        self.pat_str = re.compile(pat_str)\n");
    }

    /** Writes what is beside the SentencePiece model of ChatGLM3, or of ChatGLM2, whose speakers have no tokens. */
    static void writeChatGlm(Path folder, SentencePieceTrainer trained, boolean roles) throws IOException {
        trained.writeModel(Files.createDirectories(folder), true);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"auto_map\":{\"AutoTokenizer\":[\"tokenization_chatglm.ChatGLMTokenizer\",null]},\"do_lower_case\":false}");
        Files.writeString(folder.resolve("tokenization_chatglm.py"), "        special_tokens = [\"[MASK]\", \"[gMASK]\", \"[sMASK]\", \"sop\", \"eop\""
                + (roles ? ", \"<|system|>\", \"<|user|>\", \"<|assistant|>\",\n                          \"<|observation|>\"" : "") + "]\n");
    }
}
