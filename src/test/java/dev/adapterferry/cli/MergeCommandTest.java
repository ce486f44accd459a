package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ferry merge} in process, on the demo's trained base and adapter. */
class MergeCommandTest {
    private static final String Q = "model.layers.0.self_attn.q_proj.weight";

    @TempDir
    Path folder;
    private DemoMaterial material;
    private Path out;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        out = folder.resolve("merged");
        Files.writeString(folder.resolve("ferry.yaml"), "home: " + folder.resolve("home") + "\nhub: {offline: true, cache: " + folder.resolve("hub") + "}\n");
    }

    private FerryCall merge(String... arguments) {
        List<String> all = new ArrayList<>(List.of("merge", "--quiet", "--out", out.toString()));
        all.addAll(List.of(arguments));
        return FerryCall.of(folder.resolve("ferry.yaml"), all.toArray(String[]::new));
    }

    private String base() {
        return material.base().toString();
    }

    private String adapter() {
        return material.training().toString();
    }

    private static float[] read(Path checkpoint, String name) {
        try (CheckpointFolder opened = CheckpointFolder.open(checkpoint)) {
            TensorSource tensors = opened.tensors();
            TensorInfo info = tensors.find(name).orElseThrow();
            float[] values = new float[(int) info.elements()];
            tensors.read(info, 0, (int) info.rows(), values, 0);
            return values;
        }
    }

    @Test
    void writesTheMergedCheckpointItsReportAndATable() throws IOException {
        Files.writeString(material.base().resolve("chat_template.jinja"), "{{ usual }}");
        Files.createDirectories(material.base().resolve("additional_chat_templates"));
        Files.writeString(material.base().resolve("additional_chat_templates/rag.jinja"), "{{ rag }}");
        FerryCall ended = merge("--base", base(), "--adapter", adapter());
        assertThat(ended.err()).isEmpty();
        assertThat(ended.code()).isEqualTo(ExitCode.DONE);
        assertThat(out.resolve("additional_chat_templates/rag.jinja")).hasContent("{{ rag }}");
        assertThat(ended.out()).contains(Q, "0 unmatched keys", "0 values not finite", "The adapter landed: " + out);
        assertThat(read(out, Q)).isNotEqualTo(read(material.base(), Q));
        assertThat(read(out, "model.norm.weight")).isEqualTo(read(material.base(), "model.norm.weight"));
        JsonNode report = new JsonMapper().readTree(out.resolve("merge-report.json").toFile());
        assertThat(report.get("unmatchedKeys").asInt()).isZero();
        assertThat(report.get("tensorsAdapted").asInt()).isPositive().isEqualTo(report.at("/outputs/0/samples").size());
        try (Stream<Path> files = Files.list(out)) {
            assertThat(files.map(f -> f.getFileName().toString())).contains("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "model.safetensors");
        }
    }

    @ParameterizedTest
    @CsvSource({"bf16,BF16", "F16,F16", "f32,F32"})
    void writesTheTypeAndTheShardsThatAreAskedFor(String dtype, ElementType type) throws IOException {
        assertThat(merge("--base", base(), "--adapter", adapter(), "--dtype", dtype, "--shard-size", "200kB").code()).isEqualTo(ExitCode.DONE);
        assertThat(out.resolve("model.safetensors.index.json")).exists();
        try (CheckpointFolder written = CheckpointFolder.open(out); Stream<Path> files = Files.list(out)) {
            assertThat(written.tensors().tensors()).extracting(TensorInfo::type).containsOnly(type);
            assertThat(files.filter(f -> f.toString().endsWith(".safetensors")).count()).isGreaterThan(1);
        }
    }

    @Test
    void printsTheReportAsJson() throws IOException {
        FerryCall ended = merge("--base", base(), "--adapter", adapter(), "--json");
        assertThat(new JsonMapper().readTree(ended.out())).isEqualTo(new JsonMapper().readTree(out.resolve("merge-report.json").toFile()));
    }

    @Test
    void mergesSeveralAdaptersByTheirWeights() {
        assertThat(merge("--base", base(), "--adapter", adapter(), "--adapter", adapter(), "--weight", "0.75", "--weight", "0.25", "--dtype", "f32").code()).isEqualTo(ExitCode.DONE);
        float[] mixed = read(out, Q);
        assertThat(merge("--base", base(), "--adapter", adapter(), "--dtype", "f32").code()).isEqualTo(ExitCode.DONE);
        assertThat(mixed).containsExactly(read(out, Q), org.assertj.core.data.Offset.offset(1e-6f));
        FerryCall ended = merge("--base", base(), "--adapter", adapter(), "--weight", "1", "--weight", "2");
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE);
        assertThat(ended.err()).contains("1 adapters and 2 weights");
        assertThat(merge("--base", base(), "--adapter", adapter(), "--weight", "0").code()).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void refusesAnotherBaseUnlessItIsAllowedByName() throws IOException {
        Path other = Files.move(material.base(), folder.resolve("coder"));
        FerryCall refused = merge("--base", other.toString(), "--adapter", adapter());
        assertThat(refused.code()).isEqualTo(ExitCode.FAILED);
        assertThat(refused.err()).contains("trained on adapterferry/demo-base", "coder", "--allow");
        assertThat(out).doesNotExist();
        FerryCall allowed = merge("--base", other.toString(), "--adapter", adapter(), "--allow", "adapterferry/demo-base");
        assertThat(allowed.code()).isEqualTo(ExitCode.DONE);
        assertThat(allowed.out()).contains("warning: the adapter was trained on adapterferry/demo-base and is merged into");
        assertThat(merge("--base", other.toString(), "--adapter", adapter(), "--set", "merge.allow=adapterferry/demo-base").code()).isEqualTo(ExitCode.DONE);
    }

    @Test
    void comparesTheConfiguredBaseToo() {
        FerryCall ended = merge("--base", base(), "--adapter", adapter(), "--set", "models.captain.base=org/another");
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("the settings name the base org/another", "demo-base");
        assertThat(out).doesNotExist();
    }

    @Test
    void takesTheConfiguredBaseWhereNoneIsNamed() {
        assertThat(merge("--adapter", adapter(), "--set", "merge.base=" + base()).code()).isEqualTo(ExitCode.DONE);
    }

    @Test
    void saysWhenTheBaseCannotBeHad() {
        FerryCall missing = merge("--base", folder.resolve("nowhere").toString(), "--adapter", adapter());
        assertThat(missing.code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(missing.err()).contains("nowhere");
        FerryCall unknown = merge("--base", "org/absent", "--adapter", adapter());
        assertThat(unknown.code()).isNotEqualTo(ExitCode.DONE);
        assertThat(unknown.err()).contains("org/absent");
        assertThat(out).doesNotExist();
    }

    @Test
    void refusesAnAdapterThatIsNone() throws IOException {
        Path empty = Files.createDirectories(folder.resolve("my.adapter v2"));
        FerryCall ended = merge("--base", base(), "--adapter", empty.toString());
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("adapter_config.json");
        assertThat(merge("--base", base(), "--adapter", folder.resolve("absent").toString()).err()).contains("absent");
        assertThat(merge("--base", base(), "--adapter", adapter(), "--shard-size", "5").err()).contains("--shard-size");
        assertThat(out).doesNotExist();
    }
}
