package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.expected;
import static dev.adapterferry.pass.PassFixture.request;
import static dev.adapterferry.pass.PassFixture.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorCacheTest {
    private static final String[] UNTOUCHED = {"token_embd.weight", "blk.0.attn_v.weight", "blk.0.ffn_gate_exps.weight", "output.weight"};

    @TempDir
    Path temp;
    private Path folder;
    private Path kept;

    @BeforeEach
    void folders() {
        folder = temp.resolve("out");
        kept = temp.resolve("cache");
    }

    @Test
    void aSecondAdapterOnlyReadsWhatItTouches() throws IOException {
        run(settings(1 << 20), request(base("base"), folder, GgmlType.Q4_K, GgmlType.Q8_0));
        GeneratedSource second = base("base");
        PassRequest request = request(second, folder, GgmlType.Q4_K, GgmlType.Q8_0);
        PassResult result = run(settings(1 << 20), request);
        long untouched = Arrays.stream(UNTOUCHED).mapToLong(name -> second.find(name).orElseThrow().rows()).sum();
        assertThat(second.rowsRead.get()).isEqualTo(second.rows() - untouched);
        assertThat(result.cachedBytes()).isPositive();
        assertSame(second, request);
    }

    @Test
    void anotherBaseTypeOrImportanceIsAnotherTensor() throws IOException {
        run(settings(1 << 20), request(base("base"), folder, GgmlType.Q4_K));
        GeneratedSource otherBase = base("other");
        run(settings(1 << 20), request(otherBase, folder, GgmlType.Q4_K));
        assertThat(otherBase.rowsRead.get()).isEqualTo(otherBase.rows());
        GeneratedSource otherType = base("base");
        PassRequest q5 = request(otherType, folder, GgmlType.Q5_K);
        run(settings(1 << 20), q5);
        // output.weight is Q6_K in both formats, so it alone is found.
        assertThat(otherType.rowsRead.get()).isEqualTo(otherType.rows() - 70);
        assertSame(otherType, q5);
        float[] weights = new float[256];
        Arrays.fill(weights, 100, 200, 3);
        GeneratedSource weighted = base("base");
        Optional<ImportanceMatrix> importance = Optional.of(ImportanceMatrix.of(Map.of("token_embd.weight", weights), "test", List.of(), 1));
        PassRequest request = PassFixture.with(request(weighted, folder, GgmlType.Q4_K), "key", List.of(), importance);
        run(settings(1 << 20), request);
        assertThat(Files.readAllBytes(request.outputs().getFirst().file())).isEqualTo(expected(weighted, request.outputs().getFirst(), importance));
        assertThat(weighted.rowsRead.get()).isEqualTo(weighted.rows() - (33 + 120 + 70));
    }

    @Test
    void aDamagedBlockIsMadeAgain() throws IOException {
        run(settings(1 << 20), request(base("base"), folder, GgmlType.Q4_K));
        for (Path file : entries()) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[10] ^= 1;
            Files.write(file, bytes);
        }
        GeneratedSource again = base("base");
        PassRequest request = request(again, folder, GgmlType.Q4_K);
        PassResult result = run(settings(1 << 20), request);
        assertSame(again, request);
        assertThat(result.cachedBytes()).as("the other blocks were sound").isPositive();
    }

    @Test
    void aTruncatedOrForeignFileIsNotBelieved() throws IOException {
        run(settings(1 << 20), request(base("base"), folder, GgmlType.Q4_K));
        List<Path> entries = entries();
        byte[] first = Files.readAllBytes(entries.get(0));
        Files.write(entries.get(1), first);
        Files.write(entries.get(0), Arrays.copyOf(first, first.length - 1));
        GeneratedSource again = base("base");
        PassRequest request = request(again, folder, GgmlType.Q4_K);
        run(settings(1 << 20), request);
        assertSame(again, request);
    }

    @Test
    void forgetsWhatWasNotUsedForLongest() throws IOException {
        run(settings(1 << 20), request(base("old"), folder, GgmlType.Q4_K));
        for (Path file : entries()) {
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
        }
        long size = size();
        run(settings(size), request(base("new"), folder, GgmlType.Q4_K));
        assertThat(size()).isLessThanOrEqualTo(size);
        GeneratedSource again = base("new");
        run(settings(size), request(again, folder, GgmlType.Q4_K));
        assertThat(again.rowsRead.get()).as("the newer base is still there").isLessThan(again.rows());
        run(settings(size / 2), request(base("third"), folder, GgmlType.Q4_K));
        assertThat(size()).isLessThanOrEqualTo(size / 2);
    }

    @Test
    void aCancelledPassLeavesNoHalfTensor() throws IOException {
        GeneratedSource source = base("base").beforeRead(rows -> {
            if (rows > 300) {
                throw new dev.adapterferry.failure.TransientFailure("gone");
            }
        });
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> run(settings(1 << 20), request(source, folder, GgmlType.Q4_K))).hasMessage("gone");
        try (Stream<Path> files = Files.list(kept)) {
            assertThat(files).allMatch(f -> f.toString().endsWith(".blocks"));
        }
        GeneratedSource again = base("base");
        PassRequest request = request(again, folder, GgmlType.Q4_K);
        run(settings(1 << 20), request);
        assertSame(again, request);
    }

    private static GeneratedSource base(String name) {
        return GeneratedSource.model(name.hashCode()).identified(name, UNTOUCHED);
    }

    private PassSettings settings(long maxBytes) {
        return new PassSettings(2, Optional.empty(), Optional.of(new TensorCache(kept, maxBytes)));
    }

    private List<Path> entries() throws IOException {
        try (Stream<Path> files = Files.list(kept)) {
            return files.sorted().toList();
        }
    }

    private long size() throws IOException {
        long size = 0;
        for (Path file : entries()) {
            size += Files.size(file);
        }
        return size;
    }

    private static void assertSame(GeneratedSource source, PassRequest request) throws IOException {
        for (PassOutput output : request.outputs()) {
            assertThat(Files.readAllBytes(output.file())).as(output.format()).isEqualTo(expected(source, output, Optional.empty()));
        }
    }
}
