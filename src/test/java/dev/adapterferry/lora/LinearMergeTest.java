package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.ShardedSafetensors;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinearMergeTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String DOWN = "model.layers.1.mlp.down_proj";

    @TempDir
    Path folder;

    private TinyFiles base(ElementType type, long shardBytes) {
        TinyFiles base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("hidden_size", 24).put("vocab_size", 40);
        base.add("model.embed_tokens.weight", type, 0.5, 40, 24);
        base.add("lm_head.weight", type, 0.5, 40, 24);
        base.add("model.norm.weight", type, 1, 24);
        base.add(Q + ".weight", type, 0.1, 29, 24);
        base.add(Q + ".bias", type, 0.1, 29);
        base.add(DOWN + ".weight", type, 0.1, 24, 53);
        return base.file("tokenizer.json", "{\"version\":\"base\"}").file("generation_config.json", "{\"temperature\":1}").writeBase(shardBytes);
    }

    private TinyFiles adapter(ElementType type, int rank) {
        TinyFiles adapter = TinyFiles.peft(folder.resolve("majora"), 2, rank, 24);
        adapter.add("base_model.model." + Q + ".lora_A.weight", type, 0.2, rank, 24);
        adapter.add("base_model.model." + Q + ".lora_B.weight", type, 0.2, 29, rank);
        adapter.add("base_model.model." + DOWN + ".lora_A.weight", type, 0.2, rank, 53);
        adapter.add("base_model.model." + DOWN + ".lora_B.weight", type, 0.2, 24, rank);
        return adapter;
    }

    private static TinyFiles.Exact exact(TinyFiles base, TinyFiles adapter, String module, double scale) {
        TinyFiles.Stored w = base.get(module + ".weight");
        TinyFiles.Stored a = adapter.get("base_model.model." + module + ".lora_A.weight");
        TinyFiles.Stored b = adapter.get("base_model.model." + module + ".lora_B.weight");
        return (i, j) -> {
            double sum = 0;
            for (int k = 0; k < a.info().shape().getFirst(); k++) {
                sum += b.at(i, k) * a.at(k, j);
            }
            return w.at(i, j) + scale * sum;
        };
    }

    @ParameterizedTest
    @CsvSource({"F32,F32,1000000", "BF16,F32,1000000", "F16,BF16,1500", "BF16,F16,3000", "F32,BF16,1500"})
    void mergesLinearLayersWithOneRounding(ElementType baseType, ElementType adapterType, long shardBytes) throws IOException {
        TinyFiles base = base(baseType, shardBytes);
        TinyFiles adapter = adapter(adapterType, 6).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            assertThat(merged.name()).isEqualTo("base + majora");
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), Q + ".weight"), 24, exact(base, adapter, Q, 4));
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), DOWN + ".weight"), 53, exact(base, adapter, DOWN, 4));
            assertThat(TinyFiles.read(merged.tensors(), "lm_head.weight")).isEqualTo(base.get("lm_head.weight").values());
            assertThat(merged.tensors().tensors()).extracting(TensorInfo::name)
                    .containsExactlyElementsOf(merged.base().tensors().tensors().stream().map(TensorInfo::name).toList());
            assertThat(merged.adaptedTensors()).containsExactlyInAnyOrder(Q + ".weight", DOWN + ".weight");

            MergeReport report = new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), shardBytes, 2), Progress.NONE, new Cancellation());
            assertThat(report.tensorsAdapted()).isEqualTo(2);
            assertThat(report.outputs()).singleElement().extracting(MergeReport.Output::samples).asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Sample.class)).hasSize(2).allSatisfy(sample -> assertThat(sample.moved()).isCloseTo(1, org.assertj.core.data.Offset.offset(0.02)));
        }
        try (CheckpointFolder written = CheckpointFolder.open(folder.resolve("out")); CheckpointFolder original = CheckpointFolder.open(base.folder)) {
            assertThat(written.tensors().tensors()).hasSameElementsAs(original.tensors().tensors());
            TinyFiles.assertRounded(baseType, TinyFiles.read(written.tensors(), Q + ".weight"), 24, exact(base, adapter, Q, 4));
            TinyFiles.assertRounded(baseType, TinyFiles.read(written.tensors(), DOWN + ".weight"), 53, exact(base, adapter, DOWN, 4));
            assertThat(TinyFiles.read(written.tensors(), Q + ".bias")).isEqualTo(base.get(Q + ".bias").values());
            assertThat(written.config()).isEqualTo(original.config());
            assertThat(folder.resolve("out/merge-report.json")).content().contains("\"unmatchedKeys\" : 0", Q);
        }
    }

    @Test
    void scalesByTheSquareRootOfTheRankForRsLora() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.config.put("use_rslora", true);
        adapter.writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), Q + ".weight"), 24, exact(base, adapter, Q, 24 / Math.sqrt(6)));
        }
    }

    @Test
    void takesRankAndAlphaFromThePatterns() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.config.put("r", 2).put("lora_alpha", 5.5);
        adapter.config.putObject("rank_pattern").put("no_such", 3).put("layers.0.self_attn.q_proj", 6).put("down_proj", 6);
        adapter.config.putObject("alpha_pattern").put("^model.layers.1.mlp.down_proj", 12).put("down_proj", 99);
        adapter.writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), Q + ".weight"), 24, exact(base, adapter, Q, 5.5 / 6));
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), DOWN + ".weight"), 53, exact(base, adapter, DOWN, 2));
        }
    }

    @Test
    void reportsNormsAndChangesOfAWholePass() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            TinyFiles.read(merged.tensors(), Q + ".weight");
            assertThat(merged.report().tensors()).filteredOn(MergeReport.Tensor::complete).extracting(MergeReport.Tensor::name).containsExactly(Q + ".weight");
            TinyFiles.read(merged.tensors(), Q + ".weight");
            TinyFiles.read(merged.tensors(), DOWN + ".weight");
            MergeReport report = merged.report();
            report.requireLanded();
            TinyFiles.Exact exact = exact(base, adapter, Q, 4);
            double squares = 0;
            int changed = 0;
            for (int i = 0; i < 29; i++) {
                for (int j = 0; j < 24; j++) {
                    double d = exact.at(i, j) - base.get(Q + ".weight").at(i, j);
                    squares += d * d;
                    changed += ElementType.BF16.round((float) exact.at(i, j)) == (float) base.get(Q + ".weight").at(i, j) ? 0 : 1;
                }
            }
            MergeReport.Tensor line = report.tensors().stream().filter(t -> t.name().startsWith(Q)).findFirst().orElseThrow();
            assertThat(line.expectedNorm()).isCloseTo(Math.sqrt(squares), org.assertj.core.data.Offset.offset(1e-9));
            assertThat(line.actualNorm()).isCloseTo(Math.sqrt(squares), org.assertj.core.data.Offset.offset(1e-5));
            assertThat(line.changedShare()).isEqualTo(changed / (29.0 * 24));
            assertThat(line.rank()).isEqualTo(6);
            assertThat(line.scale()).isEqualTo(4);
            assertThat(report.toTable()).contains("2 tensors adapted, 0 unmatched keys, 0 values not finite");
        }
    }

    @Test
    void letsTheAdaptersTokenizerWin() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).file("tokenizer.json", "{\"version\":\"adapter\"}").file("config.json", "{}").writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            assertThat(merged.file("tokenizer.json")).hasValue(adapter.folder.resolve("tokenizer.json"));
            assertThat(merged.file("generation_config.json")).hasValue(base.folder.resolve("generation_config.json"));
            assertThat(merged.file("config.json")).hasValue(base.folder.resolve("config.json"));
            assertThat(merged.files()).contains(adapter.folder.resolve("adapter_model.safetensors"), base.folder.resolve("model.safetensors"));
        }
    }

    @Test
    void readsTheSameFromManyThreadsAndInAnyPiece() throws Exception {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            float[] whole = TinyFiles.read(merged.tensors(), DOWN + ".weight");
            TensorInfo info = merged.tensors().find(DOWN + ".weight").orElseThrow();
            Random random = new Random(5);
            List<int[]> pieces = Stream.generate(() -> {
                int first = random.nextInt(24);
                return new int[] {first, 1 + random.nextInt(24 - first)};
            }).limit(200).toList();
            pieces.parallelStream().forEach(piece -> {
                float[] rows = new float[piece[1] * 53 + 5];
                merged.tensors().read(info, piece[0], piece[1], rows, 5);
                for (int i = 0; i < piece[1] * 53; i++) {
                    assertThat(rows[5 + i]).isEqualTo(whole[piece[0] * 53 + i]);
                }
            });
        }
    }

    @Test
    void writesAnotherTypeAndSaysSoInTheConfig() throws IOException {
        TinyFiles base = base(ElementType.F32, 1 << 20);
        base.config.put("torch_dtype", "float32").putArray("time_step_limit").add(0.0).add(Double.POSITIVE_INFINITY);
        // As Python writes it; transformers takes "Infinity" for a text.
        base.writeBase(1 << 20).file("config.json", base.config.toString().replace("\"Infinity\"", "Infinity"));
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.of(ElementType.BF16), 1 << 20, 1), Progress.NONE, new Cancellation());
        }
        try (CheckpointFolder written = CheckpointFolder.open(folder.resolve("out"))) {
            assertThat(written.config().get("torch_dtype").asText()).isEqualTo("bfloat16");
            assertThat(written.config().at("/time_step_limit/1").doubleValue()).isInfinite();
            assertThat(written.tensors().tensors()).allMatch(t -> t.type() == ElementType.BF16);
            TinyFiles.assertRounded(ElementType.BF16, TinyFiles.read(written.tensors(), Q + ".weight"), 24, exact(base, adapter, Q, 4));
        }
    }

    @Test
    void neverReplacesAFolderThatIsNotItsOwn() throws IOException {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        Path out = Files.createDirectories(folder.resolve("out"));
        Files.writeString(out.resolve("thesis.txt"), "mine");
        MergeRequest request = new MergeRequest(out, Optional.empty(), 1 << 20, 1);
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            assertThatThrownBy(() -> new AdapterMerger().merge(merged, request, Progress.NONE, new Cancellation()))
                    .isInstanceOf(FerryException.class).hasMessageContaining("exists");
            Files.delete(out.resolve("thesis.txt"));
            new AdapterMerger().merge(merged, request, Progress.NONE, new Cancellation());
            new AdapterMerger().merge(merged, request, Progress.NONE, new Cancellation());
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(f -> f.getFileName().toString())).containsExactlyInAnyOrder("base", "majora", "out");
        }
    }

    @Test
    void leavesNothingBehindWhenItIsStopped() throws IOException {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        Cancellation cancellation = new Cancellation();
        cancellation.request();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            assertThatThrownBy(() -> new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, cancellation))
                    .isInstanceOf(dev.adapterferry.failure.Cancelled.class);
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(f -> f.getFileName().toString())).containsExactlyInAnyOrder("base", "majora");
        }
    }

    @Test
    void noticesWhenWhatWasWrittenIsNotTheMergedModel() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter);
                TensorSource unmerged = ShardedSafetensors.find(base.folder, "model").orElseThrow()) {
            Sample sample = new LandingCheck(merged.plain(), unmerged, unmerged, false, List.of(), 8).check(Q + ".weight", 8);
            assertThat(sample.landed()).isFalse();
            assertThat(sample.moved()).isZero();
            merged.measureRest(1, new Cancellation());
            assertThatThrownBy(() -> merged.report().withOutputs(List.of(new MergeReport.Output("model", List.of(sample)))).requireLanded())
                    .isInstanceOf(FerryException.class).hasMessageContaining("did not land in model").hasMessageContaining(Q);
        }
    }

    @Test
    void refusesAnAdapterTensorWithoutItsCounterpart() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.tensors.remove("base_model.model." + Q + ".lora_B.weight");
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).isInstanceOf(FerryException.class).hasMessageContaining(Q).hasMessageContaining("without its counterpart");
    }

    @Test
    void refusesATensorOfUnknownMeaningNamingIt() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.add("base_model.model." + Q + ".lora_E", ElementType.F32, 1, 6, 1);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).isInstanceOf(FerryException.class).hasMessageContaining("lora_E");
    }

    @Test
    void refusesAModuleThatTheBaseDoesNotHaveNamingTheClosest() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.add("base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", ElementType.F32, 1, 6, 24);
        adapter.add("base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight", ElementType.F32, 1, 29, 6);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).isInstanceOf(FerryException.class)
                .hasMessageContaining("model.layers.7.self_attn.q_proj").hasMessageContaining("closest are [" + Q + ".weight");
    }

    @Test
    void refusesAWrongRank() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.config.put("r", 16);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).isInstanceOf(FerryException.class).hasMessageContaining("rank 6").hasMessageContaining("says 16");
    }

    @Test
    void refusesAnAdapterOfAnotherArchitecture() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, 1, 31, 6);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).isInstanceOf(FerryException.class).hasMessageContaining("[31, 6]").hasMessageContaining("[29, 24]");
    }

    @Test
    void refusesMissingFiles() throws IOException {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        Files.delete(adapter.folder.resolve("adapter_model.safetensors"));
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("adapter_model.safetensors");
        Files.delete(adapter.folder.resolve("adapter_config.json"));
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("adapter_config.json");
    }

    @Test
    void refusesATruncatedAdapter() throws IOException {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6).writeAdapter();
        Path file = adapter.folder.resolve("adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 100));
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("truncated");
    }

    @Test
    void refusesAnEmptyTensorAsZero3LeavesIt() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, 1, 0);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("is empty").hasMessageContaining("ZeRO-3");
        adapter.tensors.clear();
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("no tensors").hasMessageContaining("ZeRO-3");
    }

    @Test
    void refusesValuesThatAreNotFinite() {
        TinyFiles base = base(ElementType.BF16, 1 << 20);
        TinyFiles adapter = adapter(ElementType.F32, 6);
        adapter.add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, i -> i == 77 ? Double.NaN : 1, 29, 6);
        adapter.writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter)).hasMessageContaining("NaN at element 77");
    }
}
