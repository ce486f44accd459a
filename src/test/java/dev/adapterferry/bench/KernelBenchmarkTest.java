package dev.adapterferry.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.quant.GgmlType;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That it measures the right thing; what it measures is not asserted. */
class KernelBenchmarkTest {
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void comparesAllFormatsAtSmallSize(boolean importance) {
        ByteArrayOutputStream table = new ByteArrayOutputStream();
        KernelBenchmark.Options options = new KernelBenchmark.Options(KernelBenchmark.defaultTypes(), importance, 4096, 1, 0);
        KernelBenchmark benchmark = new KernelBenchmark(options, new PrintStream(table, true, StandardCharsets.UTF_8));
        List<KernelBenchmark.Row> rows = benchmark.run();

        assertThat(rows).extracting(KernelBenchmark.Row::type).contains(GgmlType.Q4_K, GgmlType.IQ4_XS, GgmlType.BF16).doesNotContain(GgmlType.MXFP4);
        assertThat(rows).allSatisfy(row -> {
            assertThat(row.identical()).isEqualTo(1);
            assertThat(row.vector().rate()).isPositive();
            assertThat(row.c().rmse()).isEqualTo(row.vector().rmse()).isEqualTo(row.scalar().rmse());
        });
        // Normally distributed weights of deviation 0.02: six bits lose less than four.
        assertThat(rmse(rows, GgmlType.Q6_K)).isBetween(1e-5, rmse(rows, GgmlType.Q4_K));
        assertThat(rmse(rows, GgmlType.Q4_K)).isLessThan(0.004);
        assertThat(table.toString(StandardCharsets.UTF_8)).contains("| Q4_K |").contains("100.00%");
        JsonNode saved = benchmark.json(rows);
        assertThat(saved.at("/weights").asInt()).isEqualTo(4096);
        assertThat(saved.at("/formats")).hasSize(rows.size());
        assertThat(saved.at("/formats/0/vector/millionWeightsPerSecond").asDouble()).isEqualTo(rows.getFirst().vector().rate());
    }

    @Test
    void roundsTheNumberOfWeightsUpToWholeRows() {
        KernelBenchmark.Options options = new KernelBenchmark.Options(EnumSet.of(GgmlType.Q8_0), false, 4097, 1, 0);
        assertThat(options.rows()).isEqualTo(2);
    }

    private static double rmse(List<KernelBenchmark.Row> rows, GgmlType type) {
        return rows.stream().filter(row -> row.type() == type).findFirst().orElseThrow().vector().rmse();
    }
}
