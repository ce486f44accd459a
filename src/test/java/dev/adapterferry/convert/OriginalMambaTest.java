package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints of mamba_ssm, which name sizes otherwise and no class, and Mamba-Codestral as Mistral AI released it, become the files that those of transformers do. */
class OriginalMambaTest {
    @TempDir
    Path folder;

    @Test
    void aConfigurationWithoutAClassIsMambas() {
        MemoryCheckpoint transformers = TinyModels.checkpoint("mamba", ElementType.F32);
        MemoryCheckpoint original = original(transformers, "{\"d_state\":12}");
        assertThat(original.rawConfig().has("architectures")).isFalse();
        same(original, transformers);
    }

    @Test
    void aLayerOfItsConfigurationMakesItMamba2() {
        MemoryCheckpoint transformers = TinyModels.checkpoint("mamba2", ElementType.F32).remove("lm_head.weight");
        transformers.rawConfig().put("tie_word_embeddings", true);
        same(original(transformers, "{\"layer\":\"Mamba2\",\"d_state\":12,\"headdim\":16,\"ngroups\":2}"), transformers);
    }

    @Test
    void codestralsNamesAndTokenizerAreTaken() throws IOException {
        MemoryCheckpoint plain = TinyModels.checkpoint("mamba2", ElementType.F32);
        Files.copy(plain.folder().resolve("tokenizer.model"), folder.resolve("tokenizer.model.v3"));
        MemoryCheckpoint released = new MemoryCheckpoint(plain.rawConfig().toString(), folder, ElementType.F32, 1);
        copy(plain, released, "model.");
        same(released, plain);
        GgufMetadata keys = new ModelConverter().convert(released, Provenance.NONE).metadata();
        assertThat(keys.findStrings("tokenizer.ggml.tokens")).isEqualTo(new ModelConverter().convert(plain, Provenance.NONE).metadata().findStrings("tokenizer.ggml.tokens"));
    }

    private static MemoryCheckpoint original(MemoryCheckpoint transformers, String layers) {
        MemoryCheckpoint original = new MemoryCheckpoint("{\"d_model\":64,\"n_layer\":2,\"vocab_size\":384,\"rms_norm\":true,\"residual_in_fp32\":true,\"fused_add_norm\":true,\"pad_vocab_size_multiple\":8,"
                + "\"attn_layer_idx\":[],\"d_intermediate\":0,\"tie_embeddings\":true,\"ssm_cfg\":" + layers + "}", transformers.folder(), ElementType.F32, 1);
        copy(transformers, original, "");
        // mamba_ssm saves the head that is the embedding once more.
        original.add("lm_head.weight", 0, TinyModels.ROWS, TinyModels.WIDTH);
        ObjectNode config = original.rawConfig();
        assertThat(config.has("hidden_size")).isFalse();
        return original;
    }

    private static void copy(MemoryCheckpoint from, MemoryCheckpoint to, String prefix) {
        for (TensorInfo tensor : from.tensors().tensors()) {
            String name = prefix + (prefix.isEmpty() ? tensor.name().replace("backbone.embeddings.", "backbone.embedding.") : tensor.name());
            to.add(name, 0, tensor.shape().stream().mapToLong(Long::longValue).toArray());
            System.arraycopy(from.values(tensor.name()), 0, to.values(name), 0, from.values(tensor.name()).length);
        }
    }

    private static void same(MemoryCheckpoint one, MemoryCheckpoint other) {
        ModelOutline found = new ModelConverter().outline(one);
        ModelOutline expected = new ModelConverter().outline(other);
        assertThat(found.className()).isEqualTo(expected.className());
        assertThat(found.metadata().entries().toString()).isEqualTo(expected.metadata().entries().toString());
        List<TensorInfo> tensors = expected.tensors().tensors();
        assertThat(found.tensors().tensors().stream().map(Object::toString).sorted().toList()).isEqualTo(tensors.stream().map(Object::toString).sorted().toList());
        for (TensorInfo tensor : tensors) {
            assertThat(read(found, tensor)).as(tensor.name()).isEqualTo(read(expected, tensor));
        }
    }

    private static float[] read(ModelOutline outline, TensorInfo tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        outline.tensors().read(outline.tensors().find(tensor.name()).orElseThrow(), 0, Math.toIntExact(tensor.rows()), values, 0);
        return values;
    }
}
