package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicatedCheckpointTest {
    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("num_hidden_layers", 4);
        base.config.putArray("layer_types").add("a").add("b").add("c").add("d");
        base.config.putArray("architectures").add("Qwen2ForCausalLM");
        base.add("model.norm.weight", ElementType.BF16, 1, 12);
        for (int i = 0; i < 4; i++) {
            base.add("model.layers." + i + ".mlp.up_proj.weight", ElementType.BF16, 0.1, 20, 12);
        }
        base.writeBase(1 << 20);
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 4, 6);
        var ranges = adapter.config.putArray("layer_replication");
        ranges.addArray().add(0).add(3);
        ranges.addArray().add(1).add(4);
        for (int i = 0; i < 6; i++) {
            adapter.pair("model.layers." + i + ".mlp.up_proj", 4, 20, 12);
        }
    }

    @Test
    void buildsTheTrainedStackWithADeltaForEachCopy() {
        int[] stack = {0, 1, 2, 1, 2, 3};
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter.writeAdapter())) {
            assertThat(merged.config().get("num_hidden_layers").asInt()).isEqualTo(6);
            assertThat(merged.config().get("layer_types").toString()).isEqualTo("[\"a\",\"b\",\"c\",\"b\",\"c\",\"d\"]");
            assertThat(merged.config().get("architectures")).hasSize(1);
            for (int i = 0; i < 6; i++) {
                TinyFiles.assertMerged(merged, "model.layers." + i + ".mlp.up_proj.weight",
                        Plain.plus(Plain.of(base.get("model.layers." + stack[i] + ".mlp.up_proj.weight")), 1.5, adapter.product("model.layers." + i + ".mlp.up_proj")));
            }
            assertThat(TinyFiles.read(merged.tensors(), "model.norm.weight")).isEqualTo(base.get("model.norm.weight").values());
            new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation());
        }
        try (CheckpointFolder written = CheckpointFolder.open(folder.resolve("out"))) {
            assertThat(written.tensors().tensors()).hasSize(7);
            assertThat(written.config().get("num_hidden_layers").asInt()).isEqualTo(6);
        }
    }

    @Test
    void sharesStoredBytesBetweenCopies() {
        adapter.tensors.keySet().removeIf(name -> !name.contains("layers.0."));
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter.writeAdapter())) {
            var tensors = merged.tensors();
            assertThat(tensors.identity(tensors.find("model.layers.1.mlp.up_proj.weight").orElseThrow()))
                    .isPresent().isEqualTo(tensors.identity(tensors.find("model.layers.3.mlp.up_proj.weight").orElseThrow()));
        }
    }

    @Test
    void refusesLayersThatTheBaseDoesNotHave() {
        adapter.config.putArray("layer_replication").addArray().add(0).add(5);
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter.writeAdapter())).hasMessageContaining("4 layers").hasMessageContaining("[[0, 5]]");
    }
}
