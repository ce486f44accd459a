package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertedModelIT {
    static final String QWEN2_PRE = """
            {"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}]}
            """;

    @TempDir
    Path folder;

    @Test
    void llamaCppLoadsQwen2AndGenerates() throws Exception {
        ByteBpeTrainer trainer = new ByteBpeTrainer("the ferry carries the adapter home and the ferry goes back again", 30);
        trainer.write(folder, QWEN2_PRE, "null", false, false, List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>"));
        MemoryCheckpoint c = new MemoryCheckpoint("""
                {"architectures":["Qwen2ForCausalLM"],"hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":4,
                 "num_key_value_heads":2,"vocab_size":320,"rope_theta":1000000.0,"rms_norm_eps":1e-6,"max_position_embeddings":512,"tie_word_embeddings":true}
                """, folder, ElementType.BF16, 1);
        c.add("model.embed_tokens.weight", 0, 320, 64).add("model.norm.weight", 1, 64);
        for (int i = 0; i < 2; i++) {
            String l = "model.layers." + i + ".";
            c.add(l + "input_layernorm.weight", 1, 64).add(l + "post_attention_layernorm.weight", 1, 64);
            c.add(l + "self_attn.q_proj.weight", 0, 64, 64).add(l + "self_attn.q_proj.bias", 0, 64);
            c.add(l + "self_attn.k_proj.weight", 0, 32, 64).add(l + "self_attn.k_proj.bias", 0, 32);
            c.add(l + "self_attn.v_proj.weight", 0, 32, 64).add(l + "self_attn.v_proj.bias", 0, 32);
            c.add(l + "self_attn.o_proj.weight", 0, 64, 64);
            c.add(l + "mlp.gate_proj.weight", 0, 96, 64).add(l + "mlp.up_proj.weight", 0, 96, 64).add(l + "mlp.down_proj.weight", 0, 64, 96);
        }
        ConvertedModel model = new ModelConverter().convert(c, Provenance.NONE);
        Path file = GgufFiles.write(model, folder.resolve("m.gguf"), GgmlType.F32);
        try (GeneratingModel loaded = new GeneratingModel(file, 128, 2, 0)) {
            assertThat(loaded.complete("the ferry", Sampling.greedy(5), new Cancellation(), piece -> { }).answerTokens()).isPositive();
        }
    }
}
