package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.expected;
import static dev.adapterferry.pass.PassFixture.pass;
import static dev.adapterferry.pass.PassFixture.request;
import static dev.adapterferry.pass.PassFixture.run;
import static dev.adapterferry.pass.PassFixture.threads;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizationPassTest {
    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0} threads")
    @ValueSource(ints = {1, 2, 3, 8})
    void writesWhatTensorByTensorEncodingGives(int threads) throws IOException {
        GeneratedSource source = GeneratedSource.model(1);
        PassRequest request = request(source, folder, GgmlType.Q4_K, GgmlType.Q5_0, GgmlType.F16, GgmlType.F32);
        PassResult result = run(threads(threads), request);
        for (int f = 0; f < 4; f++) {
            PassOutput output = request.outputs().get(f);
            assertThat(Files.readAllBytes(output.file())).as(output.format()).isEqualTo(expected(source, output, Optional.empty()));
            assertThat(result.files().get(f).size()).isEqualTo(Files.size(output.file()));
        }
        assertThat(source.rowsRead.get()).as("every row is read once for all outputs").isEqualTo(source.rows());
        assertThat(files()).containsExactlyInAnyOrder("m-Q4_K.gguf", "m-Q5_0.gguf", "m-F16.gguf", "m-F32.gguf", "m.manifest.json");
    }

    @Test
    void usesImportanceOfEachExpert() throws IOException {
        GeneratedSource source = GeneratedSource.model(2);
        Random random = new Random(3);
        Map<String, float[]> weights = new HashMap<>();
        for (TensorInfo tensor : source.tensors()) {
            float[] values = new float[(int) (tensor.rowLength() * (tensor.rank() == 3 ? tensor.shape().getFirst() : 1))];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextFloat() * (1 + i % 50);
            }
            weights.put(tensor.name(), values);
        }
        Optional<ImportanceMatrix> importance = Optional.of(ImportanceMatrix.of(weights, "test", List.of(), 1));
        PassRequest request = PassFixture.with(request(source, folder, GgmlType.Q4_K), "key", List.of(), importance);
        run(threads(2), request);
        byte[] bytes = Files.readAllBytes(request.outputs().getFirst().file());
        assertThat(bytes).isEqualTo(expected(source, request.outputs().getFirst(), importance));
        assertThat(bytes).isNotEqualTo(expected(source, request.outputs().getFirst(), Optional.empty()));
    }

    @Test
    void manifestHoldsTheHashOfEveryTensor() throws IOException {
        GeneratedSource source = GeneratedSource.model(4);
        PassRequest request = request(source, folder, GgmlType.Q8_0, GgmlType.Q6_K);
        PassResult result = run(threads(2), request);
        JsonNode manifest = new JsonMapper().readTree(folder.resolve("m.manifest.json").toFile());
        assertThat(manifest.at("/source/key").asText()).isEqualTo("key");
        for (int f = 0; f < 2; f++) {
            JsonNode output = manifest.at("/outputs/" + f);
            PassResult.FileResult file = result.files().get(f);
            assertThat(output.path("file").asText()).isEqualTo(file.file().getFileName().toString());
            try (GgufFile gguf = GgufFile.open(file.file())) {
                for (int t = 0; t < source.tensors().size(); t++) {
                    TensorInfo tensor = gguf.tensors().get(t);
                    byte[] bytes = new byte[(int) (tensor.type().bytesFor(tensor.rowLength()) * tensor.rows())];
                    gguf.readStored(tensor, 0, bytes.length, bytes, 0);
                    assertThat(output.at("/tensors/" + t + "/xxh64").asText()).isEqualTo(XxHash64Test.hash(bytes)).isEqualTo(file.tensors().get(t).xxh64());
                    assertThat(output.at("/tensors/" + t + "/type").asText()).isEqualTo(tensor.type().label());
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void failsOnAValueThatIsNotFinite(float bad) throws IOException {
        assertRefused(withOneValue(bad), GgmlType.Q8_0, "tensor 'bad.weight': row 17 holds " + bad);
    }

    @Test
    void failsOnAValueThatDoesNotFitF16() throws IOException {
        assertRefused(withOneValue(65536f), GgmlType.F16, "tensor 'bad.weight' to F16: row 17");
        assertRefused(withOneValue(-70000f), GgmlType.F16, "tensor 'bad.weight' to F16: row 17");
        assertRefused(withOneValue(9e6f), GgmlType.Q8_0, "tensor 'bad.weight' to Q8_0: row 17");
    }

    @Test
    void acceptsTheLargestHalf() {
        GeneratedSource source = withOneValue(65504f);
        run(threads(1), request(source, folder, GgmlType.F16));
        try (GgufFile gguf = GgufFile.open(folder.resolve("m-F16.gguf"))) {
            float[] row = new float[256];
            gguf.read(gguf.find("bad.weight").orElseThrow(), 17, 1, row, 0);
            assertThat(row[100]).isEqualTo(65504f);
        }
    }

    private static GeneratedSource withOneValue(float value) {
        TensorInfo bad = GeneratedSource.info("bad.weight", 40, 256);
        return new GeneratedSource(5, GeneratedSource.info("good.weight", 40, 256), bad) {
            @Override
            public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                super.read(tensor, firstRow, rows, into, offset);
                if (tensor.equals(bad) && firstRow <= 17 && 17 < firstRow + rows) {
                    into[offset + (int) (17 - firstRow) * 256 + 100] = value;
                }
            }
        };
    }

    @Test
    void failsWhenASourceFileChangesMeanwhile() throws IOException {
        Path input = Files.write(folder.resolve("input.safetensors"), new byte[100]);
        AtomicBoolean changed = new AtomicBoolean();
        GeneratedSource source = GeneratedSource.model(6).beforeRead(rows -> {
            if (rows > 100 && changed.compareAndSet(false, true)) {
                write(input, new byte[101]);
            }
        });
        PassRequest request = PassFixture.with(request(source, folder, GgmlType.Q8_0), "key", List.of(input), Optional.empty());
        assertThatThrownBy(() -> run(threads(2), request)).isInstanceOf(FerryException.class).hasMessageContaining(input.toString()).hasMessageContaining("changed");
        assertThat(files()).containsExactly("input.safetensors");
    }

    @Test
    void reportsASourceThatWasCutShort() throws IOException {
        GeneratedSource source = GeneratedSource.model(6).beforeRead(rows -> {
            throw new InternalError("a fault occurred in an unsafe memory access operation");
        });
        assertThatThrownBy(() -> run(threads(2), request(source, folder, GgmlType.Q8_0))).isInstanceOf(FerryException.class).hasMessageContaining("became shorter");
        assertThat(files()).isEmpty();
    }

    @Test
    void failsWhenTheTargetCannotBeWritten() throws IOException {
        GeneratedSource source = GeneratedSource.model(7);
        Path file = Files.write(folder.resolve("file"), new byte[1]);
        assertThatThrownBy(() -> run(threads(1), request(source, file.resolve("sub"), GgmlType.Q8_0))).isInstanceOf(FerryException.class).hasMessageContaining(file.toString());
        Files.createDirectory(folder.resolve("m-Q8_0.gguf"));
        assertThatThrownBy(() -> run(threads(1), request(source, folder, GgmlType.Q8_0))).isInstanceOf(FerryException.class).hasMessageContaining("a folder of that name");
        if (Files.isDirectory(Path.of("/proc/self"))) {
            assertThatThrownBy(() -> run(threads(1), request(source, Path.of("/proc/self"), GgmlType.Q8_0))).isInstanceOf(FerryException.class).hasMessageContaining("/proc/self");
        }
        assertThat(source.rowsRead.get()).as("nothing was computed in vain").isZero();
    }

    @Test
    void failsBeforeItBeginsWhenThereIsTooLittleRoom() throws IOException {
        long columns = 1 << 26;
        GeneratedSource source = new GeneratedSource(8, GeneratedSource.info("huge.weight", 1 << 12, columns));
        PassRequest request = request(source, folder, GgmlType.F32);
        long size = request.outputs().getFirst().plan().size();
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.getFileStore(folder).getUsableSpace() < size, "this disk has more than a terabyte free");
        assertThatThrownBy(() -> run(threads(1), request)).isInstanceOf(FerryException.class).hasMessageContaining(size + " bytes are needed").hasMessageContaining(folder.toString());
        assertThat(source.rowsRead.get()).isZero();
        assertThat(files()).isEmpty();
    }

    @Test
    void replacesAnOlderFileOnlyWhenComplete() throws IOException {
        Path old = Files.write(folder.resolve("m-Q8_0.gguf"), new byte[] {1, 2, 3});
        GeneratedSource broken = GeneratedSource.model(9).beforeRead(rows -> {
            if (rows > 200) {
                throw new FerryException("broken");
            }
        });
        assertThatThrownBy(() -> run(threads(1), request(broken, folder, GgmlType.Q8_0))).hasMessage("broken");
        assertThat(Files.readAllBytes(old)).containsExactly(1, 2, 3);
        PassRequest request = request(GeneratedSource.model(9), folder, GgmlType.Q8_0);
        run(threads(1), request);
        assertThat(Files.readAllBytes(old)).isEqualTo(expected(GeneratedSource.model(9), request.outputs().getFirst(), Optional.empty()));
    }

    @Test
    void tellsHowFarItIs() {
        List<Progress.Step> steps = Collections.synchronizedList(new ArrayList<>());
        PassRequest request = request(GeneratedSource.model(10), folder, GgmlType.Q8_0, GgmlType.F16);
        pass(threads(2)).run(request, steps::add, new Cancellation());
        long total = request.outputs().stream().mapToLong(o -> o.plan().size()).sum();
        assertThat(steps).filteredOn(s -> s.unit() == Progress.Unit.BYTES).isNotEmpty().allMatch(s -> s.total() == total && s.done() <= total)
                .last().matches(s -> s.done() == total);
        assertThat(steps).filteredOn(s -> s.unit() == Progress.Unit.TENSORS).last().matches(s -> s.done() == 9 && s.total() == 9);
        assertThat(steps.getFirst().activity()).isEqualTo("quantizing m to Q8_0, F16");
    }

    @Test
    void refusesPlansOfOtherTensors() {
        PassRequest request = request(GeneratedSource.model(11), folder, GgmlType.Q8_0);
        GeneratedSource other = new GeneratedSource(11, GeneratedSource.info("other.weight", 1, 32));
        PassRequest wrong = new PassRequest("m", other, "key", List.of(), request.outputs(), Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> run(threads(1), wrong)).isInstanceOf(IllegalArgumentException.class);
    }

    private void assertRefused(GeneratedSource source, GgmlType type, String reason) throws IOException {
        assertThatThrownBy(() -> run(threads(2), request(source, folder, type))).isInstanceOf(FerryException.class).hasMessageContaining(reason);
        assertThat(files()).isEmpty();
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).toList();
        }
    }

    private static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

}
