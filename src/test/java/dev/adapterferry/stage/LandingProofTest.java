package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Quantized files read back and held against {@code W + s·B·A}. */
class LandingProofTest {
    @TempDir
    Path folder;
    private Path base;
    private Path adapter;

    @BeforeEach
    void write() throws IOException {
        base = folder.resolve("base");
        adapter = folder.resolve("adapter");
        SyntheticQwen2 model = new SyntheticQwen2("tiny", 256, 2, 512, 4, 2, 1024);
        model.writeCheckpoint(base);
        model.writeAdapter(adapter, 8, "base");
    }

    private MergedCheckpoint open() {
        return MergedCheckpoint.open(CheckpointFolder.open(base), List.of(MergeInput.of(adapter)), MergeOptions.STRICT);
    }

    private List<Path> quantize(Checkpoint checkpoint, String... formats) {
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        List<TypeRequest> types = Arrays.stream(formats).map(format -> TypeRequest.of(Mix.parse(format), false)).toList();
        QuantizeRequest request = new QuantizeRequest("tiny", model.tensors(), model.metadata(), "key", List.of(), folder.resolve("gguf"), types, Optional.empty(), false);
        return new QuantizeJob(new PassSettings(2, Optional.empty(), Optional.empty())).run(request, Progress.NONE, new Cancellation())
                .files().stream().map(PassResult.FileResult::file).toList();
    }

    private MergeReport prove(MergedCheckpoint merged, List<Path> files) {
        Settings settings = new SettingsLoader(folder, Map.of()).load(Optional.empty(), Map.of("home", folder.toString(), "models.tiny.enabled", "true")).settings();
        RunContext run = new RunContext("run", RunRequest.of("tiny", "command"), settings, new Records(folder), Progress.NONE, new Cancellation());
        return new LandingProof(run, merged).report(files);
    }

    @Test
    void showsTheDeltaInEveryFormat() {
        try (MergedCheckpoint merged = open()) {
            List<Path> files = quantize(merged, "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "IQ4_XS", "Q3_K_M", "Q2_K");
            MergeReport report = prove(merged, files);
            report.requireLanded();
            assertThat(report.warnings()).isEmpty();
            assertThat(report.outputs()).hasSize(9).allSatisfy(output -> assertThat(output.samples()).hasSize(2 * 7).extracting("tensor").contains("blk.1.attn_q.weight", "blk.0.ffn_down.weight"));
            assertThat(report.toTable()).contains("tiny-Q4_K_M.gguf: ", "14 tensors adapted, 0 unmatched keys");
            assertThat(report.tensors()).allMatch(MergeReport.Tensor::complete);
        }
    }

    @Test
    void isWholeEvenWhereAnEarlierPassDidTheReading() {
        List<Path> files;
        try (MergedCheckpoint merged = open()) {
            files = quantize(merged, "Q8_0");
        }
        try (MergedCheckpoint merged = open()) {
            assertThat(merged.report().tensors()).noneMatch(MergeReport.Tensor::complete);
            MergeReport report = prove(merged, files);
            report.requireLanded();
            assertThat(report.tensors()).allSatisfy(line -> {
                assertThat(line.complete()).isTrue();
                assertThat(line.actualNorm()).isCloseTo(line.expectedNorm(), org.assertj.core.data.Offset.offset(1e-4 * line.expectedNorm()));
            });
            assertThat(report.changedShare()).isGreaterThan(0.5);
        }
    }

    @Test
    void noticesFilesOfTheBaseAlone() {
        List<Path> files;
        try (Checkpoint alone = CheckpointFolder.open(base)) {
            files = quantize(alone, "Q4_K_M", "Q8_0");
        }
        try (MergedCheckpoint merged = open()) {
            MergeReport report = prove(merged, files);
            assertThat(report.outputs()).noneMatch(output -> output.samples().stream().allMatch(sample -> sample.landed()));
            assertThatThrownBy(report::requireLanded).isInstanceOf(FerryException.class).hasMessageContaining("did not land in tiny-Q4_K_M.gguf");
        }
    }

    @Test
    void noticesADamagedTensor() throws IOException {
        try (MergedCheckpoint merged = open()) {
            List<Path> files = quantize(merged, "Q8_0");
            byte[] start = new byte[256];
            int length;
            try (GgufFile written = GgufFile.open(files.getFirst())) {
                TensorInfo tensor = written.find("blk.1.attn_k.weight").orElseThrow();
                written.readStored(tensor, 0, start.length, start, 0);
                length = (int) tensor.type().bytesFor(tensor.elements());
            }
            byte[] bytes = Files.readAllBytes(files.getFirst());
            int at = 0;
            while (!Arrays.equals(start, 0, start.length, bytes, at, at + start.length)) {
                at++;
            }
            Arrays.fill(bytes, at, at + length, (byte) 0);
            Files.write(files.getFirst(), bytes);
            assertThatThrownBy(prove(merged, files)::requireLanded).isInstanceOf(FerryException.class).hasMessageContaining("blk.1.attn_k.weight").hasMessageContaining("Q8_0");
        }
    }

    @Test
    void saysWhenAFormatIsCoarserThanTheDelta() throws IOException {
        Path config = adapter.resolve("adapter_config.json");
        ObjectNode json = (ObjectNode) new JsonMapper().readTree(config.toFile());
        Files.writeString(config, json.put("lora_alpha", 0.002).toString());
        try (MergedCheckpoint merged = open()) {
            MergeReport report = prove(merged, quantize(merged, "Q2_K", "F32"));
            report.requireLanded();
            assertThat(report.warnings()).singleElement().asString().contains("tiny-Q2_K.gguf", "more bits");
        }
    }
}
