package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a merged checkpoint needs beside weights and tokenizer to be loaded: the modules of sentence-transformers and the model's own code. */
class ModulesMergeTest {
    private static final String DENSE = "layers.0.self_attn.q_proj";
    private static final String MODULES = "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"},"
            + "{\"path\":\"2_Dense\",\"type\":\"sentence_transformers.models.Dense\"},{\"path\":\"3_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}]";

    @TempDir
    private Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void write() throws IOException {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "own").putObject("auto_map").put("AutoModel", "modeling_own.OwnModel");
        base.add(DENSE + ".weight", ElementType.F32, 0.1, 8, 8);
        base.file("modules.json", MODULES).file("sentence_bert_config.json", "{\"max_seq_length\":512}").file("modeling_own.py", "class OwnModel: pass\n").file("notes.txt", "-").writeBase(1 << 20);
        part(base, "1_Pooling", "config.json", "base's");
        part(base, "2_Dense", "config.json", "base's");
        part(base, "2_Dense", "model.safetensors", "base's weights");
        part(base, "2_Dense", "pytorch_model.bin", "pickled");
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 2, 4);
        adapter.add("base_model.model." + DENSE + ".lora_A.weight", ElementType.F32, 0.2, 2, 8);
        adapter.add("base_model.model." + DENSE + ".lora_B.weight", ElementType.F32, 0.2, 8, 2);
        adapter.writeAdapter();
    }

    private static void part(TinyFiles of, String module, String name, String text) throws IOException {
        Files.writeString(Files.createDirectories(of.folder.resolve(module)).resolve(name), text);
    }

    private Path merge() {
        Path out = folder.resolve("out");
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            new AdapterMerger().merge(merged, new MergeRequest(out, Optional.empty(), 1 << 20, 1), Progress.NONE, new Cancellation());
        }
        return out;
    }

    @Test
    void theBasesModulesAndCodeComeAlong() {
        Path out = merge();
        assertThat(out.resolve("modules.json")).hasContent(MODULES);
        assertThat(out.resolve("1_Pooling/config.json")).hasContent("base's");
        assertThat(out.resolve("2_Dense/model.safetensors")).hasContent("base's weights");
        assertThat(out.resolve("2_Dense/pytorch_model.bin")).doesNotExist();
        assertThat(out.resolve("sentence_bert_config.json")).exists();
        assertThat(out.resolve("modeling_own.py")).hasContent("class OwnModel: pass");
        assertThat(out.resolve("notes.txt")).doesNotExist();
    }

    @Test
    void whatTheAdapterSaysOfPoolingWins() throws IOException {
        adapter.file("modules.json", MODULES.replaceAll(",.\"path\":\"2_Dense.*", "]"));
        part(adapter, "1_Pooling", "config.json", "adapter's");
        Path out = merge();
        assertThat(out.resolve("modules.json")).content().doesNotContain("Dense");
        assertThat(out.resolve("1_Pooling/config.json")).hasContent("adapter's");
        assertThat(out.resolve("2_Dense")).doesNotExist();
    }
}
