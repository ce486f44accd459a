package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.VisionTower;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ferry quantize} in process, on the demo's trained base and adapter. */
class QuantizeCommandTest {
    private static final String NEVER_SPLIT = "\\|";

    @TempDir
    Path folder;
    private DemoMaterial material;
    private Path out;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        out = folder.resolve("out");
        Files.writeString(folder.resolve("ferry.yaml"), "home: " + folder.resolve("home") + "\n");
    }

    private FerryCall quantize(String... arguments) {
        List<String> all = new ArrayList<>(List.of("quantize", "--quiet", "--config", folder.resolve("ferry.yaml").toString()));
        all.addAll(List.of(arguments));
        if (!all.contains("--out")) {
            all.addAll(List.of("--out", out.toString()));
        }
        return FerryCall.of(all.toArray(String[]::new));
    }

    private String base() {
        return material.base().toString();
    }

    private String adapter() {
        return material.training().toString();
    }

    private List<String> made() throws IOException {
        if (!Files.exists(out)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(out)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static Map<String, String> types(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return gguf.tensors().stream().collect(Collectors.toMap(TensorInfo::name, t -> t.type().label(), (a, b) -> a, TreeMap::new));
        }
    }

    private static byte[] stored(Path file, String name) {
        try (GgufFile gguf = GgufFile.open(file)) {
            TensorInfo tensor = gguf.find(name).orElseThrow();
            byte[] bytes = new byte[(int) (tensor.type().bytesFor(tensor.rowLength()) * tensor.rows())];
            gguf.readStored(tensor, 0, bytes.length, bytes, 0);
            return bytes;
        }
    }

    /** In the command's JSON, in the manifest, and in the file itself, whence also in what is made from it. */
    @Test
    void saysWhatTheFileDoesNotHold() throws IOException {
        VisionTower.addTo(material.base());
        FerryCall ended = quantize(base(), "--adapter", adapter(), "--formats", "F16", "--json");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        assertThat(new JsonMapper().readTree(ended.out()).path("notes").valueStream().map(JsonNode::asText)).singleElement().asString().startsWith(VisionTower.NOTE);
        assertThat(new JsonMapper().readTree(out.resolve("captain.manifest.json").toFile()).path("notes").valueStream().map(JsonNode::asText)).singleElement().asString().startsWith(VisionTower.NOTE);
        FerryCall again = quantize(out.resolve("captain-F16.gguf").toString(), "--formats", "Q8_0", "--name", "again");
        assertThat(again.code()).as(again.err()).isEqualTo(ExitCode.DONE);
        try (GgufFile gguf = GgufFile.open(out.resolve("again-Q8_0.gguf"))) {
            assertThat(gguf.metadata().findStrings("adapterferry.notes").orElseThrow()).singleElement().asString().startsWith(VisionTower.NOTE);
        }
        assertThat(new JsonMapper().readTree(out.resolve("again.manifest.json").toFile()).path("notes")).hasSize(1);
    }

    @Test
    void writesABaseWithAnAdapterAndSaysWhatItMade() throws IOException {
        FerryCall ended = quantize(base(), "--adapter", adapter(), "--formats", "q4_k_m,Q8_0");
        assertThat(ended.err()).isEmpty();
        assertThat(ended.code()).isEqualTo(ExitCode.DONE);
        assertThat(made()).as("named after the adapter").containsExactly("captain-Q4_K_M.gguf", "captain-Q8_0.gguf", "captain.manifest.json");
        assertThat(ended.out()).contains("Q4_K_M").contains(out.resolve("captain-Q8_0.gguf").toString()).contains("weights in");
        JsonNode manifest = new JsonMapper().readTree(out.resolve("captain.manifest.json").toFile());
        for (JsonNode file : manifest.path("outputs")) {
            Path path = out.resolve(file.path("file").asText());
            assertThat(file.path("tensors")).hasSize(types(path).size()).allSatisfy(tensor -> assertThat(tensor.path("xxh64").asText()).matches("[0-9a-f]{16}"));
        }
        assertThat(stored(out.resolve("captain-Q8_0.gguf"), "blk.0.attn_q.weight")).as("the adapter is in it").isNotEqualTo(plainQ8());
    }

    @Test
    void tellsTheHashesOfTheFilesWhenAsked() throws IOException {
        FerryCall ended = quantize(base(), "--formats", "Q4_0,Q8_0", "--name", "m", "--sha256");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        for (String file : List.of("m-Q4_0.gguf", "m-Q8_0.gguf")) {
            assertThat(ended.out().lines()).contains(Sha256.of(out.resolve(file)) + "  " + out.resolve(file));
        }
        JsonNode files = new JsonMapper().readTree(quantize(base(), "--formats", "Q4_0,Q8_0", "--name", "m", "--sha256", "--json").out()).path("files");
        assertThat(files.valueStream()).allSatisfy(file -> assertThat(file.path("sha256").asText()).isEqualTo(Sha256.of(Path.of(file.path("file").asText()))));
        assertThat(new JsonMapper().readTree(quantize(base(), "--formats", "Q4_0", "--json").out()).at("/files/0").has("sha256")).isFalse();
    }

    private byte[] plainQ8() {
        assertThat(quantize(base(), "--formats", "Q8_0").code()).isEqualTo(ExitCode.DONE);
        return stored(out.resolve("demo-base-Q8_0.gguf"), "blk.0.attn_q.weight");
    }

    @Test
    void writesEveryFormatSoThatLlamaCppLoadsIt() throws IOException {
        String all = Arrays.stream(Mix.values()).map(Mix::label).collect(Collectors.joining(","));
        FerryCall ended = quantize(base(), "--formats", all, "--name", "every", "--json");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        JsonNode said = new JsonMapper().readTree(ended.out());
        assertThat(said.path("files")).hasSize(Mix.values().length);
        for (JsonNode file : said.path("files")) {
            Path path = Path.of(file.path("file").asText());
            assertThat(file.path("bytes").asLong()).isEqualTo(Files.size(path));
            try (LoadedModel model = LoadedModel.open(path)) {
                assertThat(model.parameters()).as(path.toString()).isEqualTo(said.path("weights").asLong());
            }
        }
    }

    @Test
    void takesAGgufFileAndGivesTheSameTensorsAsItsCheckpoint() throws IOException {
        assertThat(quantize(base(), "--formats", "F32,Q5_K_M", "--name", "direct").code()).isEqualTo(ExitCode.DONE);
        FerryCall ended = quantize(out.resolve("direct-F32.gguf").toString(), "--formats", "Q5_K_M", "--out", out.resolve("again").toString(), "--threads", "1");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        Path again = out.resolve("again").resolve("direct-Q5_K_M.gguf");
        Map<String, String> types = types(again);
        assertThat(types).isEqualTo(types(out.resolve("direct-Q5_K_M.gguf"))).containsValue("Q5_K");
        types.keySet().forEach(name -> assertThat(stored(again, name)).as(name).isEqualTo(stored(out.resolve("direct-Q5_K_M.gguf"), name)));
    }

    @Test
    void requantizesOnlyWhenAskedTo() throws IOException {
        assertThat(quantize(base(), "--formats", "Q8_0", "--name", "once").code()).isEqualTo(ExitCode.DONE);
        String q8 = out.resolve("once-Q8_0.gguf").toString();
        FerryCall refused = quantize(q8, "--formats", "Q4_K_M");
        assertThat(refused.code()).isEqualTo(ExitCode.FAILED);
        assertThat(refused.err()).contains("Q8_0 already").contains("--allow-requantize");
        assertThat(made()).containsExactly("once-Q8_0.gguf", "once.manifest.json");
        assertThat(quantize(q8, "--formats", "Q4_K_M", "--allow-requantize").code()).isEqualTo(ExitCode.DONE);
        assertThat(made()).contains("once-Q4_K_M.gguf");
    }

    @Test
    void exceptionsByNameGoBeforeTheMix() {
        FerryCall ended = quantize(base(), "--formats", "Q4_K_M,Q2_K", "--name", "x", "--embedding-type", "q8_0", "--tensor-type", "blk\\.0\\.attn_(q|k)=Q6_K", "--tensor-type", "attn_q=F16");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        for (String format : List.of("Q4_K_M", "Q2_K")) {
            Map<String, String> types = types(out.resolve("x-" + format + ".gguf"));
            assertThat(types).containsEntry("token_embd.weight", "Q8_0").containsEntry("blk.1.attn_q.weight", "F16").containsEntry("blk.0.attn_q.weight", "Q6_K");
        }
        assertThat(quantize(base(), "--formats", "Q3_K_L", "--name", "pure", "--pure").code()).isEqualTo(ExitCode.DONE);
        assertThat(Set.copyOf(types(out.resolve("pure-Q3_K_L.gguf")).values())).containsExactlyInAnyOrder("F32", "Q3_K");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = NEVER_SPLIT, value = {
        "--formats Q9_Z \\| 3 \\| Unknown format 'Q9_Z'; known are F32",
        "--tensor-type attn_q \\| 3 \\| expected PATTERN=TYPE",
        "--output-type Q7 \\| 3 \\| Unknown tensor type 'Q7'",
        "--threads -1 \\| 2 \\| --threads should be at least 1",
        "--name a/b \\| 2 \\| --name should be a plain file name",
        "--imatrix nowhere.dat \\| 4 \\| Cannot read the importance matrix nowhere.dat",
        "--adapter nowhere \\| 4 \\| Cannot open the adapter nowhere",
    })
    void refusesInOneSentence(String options, int code, String sentence) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(base()));
        arguments.addAll(List.of(options.split(" ")));
        FerryCall ended = quantize(arguments.toArray(String[]::new));
        assertThat(ended.code()).isEqualTo(code);
        assertThat(ended.err()).contains(sentence);
        assertThat(made()).isEmpty();
    }

    @Test
    void refusesWhatIsNoSource() throws IOException {
        assertThat(quantize(folder.resolve("nothing").toString()).err()).contains("there is no such folder or file");
        assertThat(quantize(adapter()).err()).contains("holds no config.json").contains("It is an adapter");
        Path text = Files.writeString(folder.resolve("notes.txt"), "no model at all, but long enough");
        assertThat(quantize(text.toString()).err()).contains("notes.txt").contains("GGUF");
        assertThat(quantize(text.toString(), "--adapter", adapter()).err()).contains("not into a GGUF file");
        assertThat(made()).isEmpty();
    }

    @Test
    void goesOnWhereAnEarlierStartStopped() throws IOException {
        new SyntheticQwen2("small", 256, 8, 768, 4, 2, 2048).writeCheckpoint(folder.resolve("ship"));
        assertThat(quantize(folder.resolve("ship").toString(), "--formats", "F16").code()).isEqualTo(ExitCode.DONE);
        Path f16 = out.resolve("ship-F16.gguf");
        stopOnceThereIsACheckpoint(f16);
        assertThat(made()).contains("ship-Q4_0.gguf.journal", "ship-Q4_0.gguf.part", "ship-Q8_0.gguf.part").doesNotContain("ship-Q4_0.gguf", "ship-Q8_0.gguf");

        FerryCall ended = quantize(f16.toString(), "--formats", "Q4_0,Q8_0", "--threads", "2", "--json");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        assertThat(new JsonMapper().readTree(ended.out()).path("resumedBytes").asLong()).isPositive();
        assertThat(made()).containsExactly("ship-F16.gguf", "ship-Q4_0.gguf", "ship-Q8_0.gguf", "ship.manifest.json");
        assertThat(quantize(f16.toString(), "--formats", "Q4_0,Q8_0", "--out", folder.resolve("fresh").toString()).code()).isEqualTo(ExitCode.DONE);
        for (String name : List.of("ship-Q4_0.gguf", "ship-Q8_0.gguf", "ship.manifest.json")) {
            assertThat(Files.mismatch(out.resolve(name), folder.resolve("fresh").resolve(name))).as(name).isEqualTo(-1);
        }
    }

    /** What the command would do, stopped between the first checkpoint and the end whatever the machine's speed. */
    private void stopOnceThereIsACheckpoint(Path f16) {
        Path journal = out.resolve("ship-Q4_0.gguf.journal");
        Cancellation cancellation = new Cancellation();
        List<TypeRequest> formats = List.of(TypeRequest.of(Mix.Q4_0, false), TypeRequest.of(Mix.Q8_0, false));
        try (GgufModel model = GgufModel.open(f16)) {
            QuantizeRequest plain = QuantizeRequest.of("ship", model, out, formats, Optional.empty(), false);
            TensorSource source = new StoppingSource(model, "blk.7.ffn_down.weight", () -> {
                while (lines(journal) < 2) {
                    Thread.onSpinWait();
                }
                cancellation.request();
            });
            QuantizeRequest stopped = new QuantizeRequest("ship", source, model.metadata(), plain.sourceKey(), model.files(), out, formats, Optional.empty(), false);
            QuantizeJob job = new QuantizeJob(new PassSettings(1, Optional.of(out), Optional.empty()));
            assertThatThrownBy(() -> job.run(stopped, Progress.NONE, cancellation)).isInstanceOf(Cancelled.class);
        }
    }

    /** Hands on what another source reads, and does something before one tensor. */
    private record StoppingSource(TensorSource source, String tensor, Runnable before) implements TensorSource {
        @Override
        public List<TensorInfo> tensors() {
            return source.tensors();
        }

        @Override
        public Optional<TensorInfo> find(String name) {
            return source.find(name);
        }

        @Override
        public void read(TensorInfo info, long firstRow, int rows, float[] into, int offset) {
            if (info.name().equals(tensor)) {
                before.run();
            }
            source.read(info, firstRow, rows, into, offset);
        }

        @Override
        public void close() {
            source.close();
        }
    }

    private static long lines(Path file) {
        try {
            return Files.readString(file).lines().count();
        } catch (IOException e) {
            return 0;
        }
    }
}
