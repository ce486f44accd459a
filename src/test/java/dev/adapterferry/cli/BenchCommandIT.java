package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.bench.SyntheticQwen2;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry bench} runs from end to end at small size; how fast is not asked here. */
class BenchCommandIT {
    private static final String SIZE = System.getProperty("ferry.bench.size", "0.1b");

    @TempDir
    Path folder;

    @Test
    void printsTablesAndSavesTheNumbers() throws Exception {
        Path json = folder.resolve("bench.json");
        FerryCall ended = FerryCall.of("bench", "--formats", "Q4_K,Q8_0", "--weights", "4096", "--turns", "1", "--turn-seconds", "0", "--size", SIZE, "--dir",
                folder.resolve("work").toString(), "--json", json.toString());
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.DONE);
        assertThat(ended.out()).contains("| Q4_K |").contains("100.00%").contains("merge, three formats").contains("target: at most 30");
        JsonNode root = new JsonMapper().readTree(json.toFile());
        assertThat(root.at("/kernels/formats")).hasSize(2).allSatisfy(format -> assertThat(format.path("identicalBlocks").asDouble()).isEqualTo(1));
        long weights = SyntheticQwen2.ofSize(SIZE).parameters();
        assertThat(root.at("/pass/weights").asLong()).isEqualTo(weights);
        assertThat(root.at("/pass/runs")).hasSizeGreaterThanOrEqualTo(4);
        for (JsonNode run : root.at("/pass/runs")) {
            // A tied output matrix is the embedding, so all weights of the checkpoint are written, and no others.
            assertThat(run.path("weights").asLong()).isEqualTo(weights);
            assertThat(run.path("processCpuSeconds").asDouble()).isPositive();
            double must = 2.0 * weights + run.path("outputBytes").asLong();
            assertThat(run.path("bytesRead").asLong() + run.path("bytesWritten").asLong()).as("every byte is moved once").isLessThan((long) (1.05 * must));
        }
        assertThat(root.at("/pass/runs/0/outputBytes")).as("threads and size").isEqualTo(root.at("/pass/runs/1/outputBytes"));
        assertThat(folder.resolve("work")).isEmptyDirectory();
    }

    @Test
    void refusesWhatItCannotMeasure() {
        assertThat(FerryCall.of("bench", "--size", "70B").err()).contains("no size 70B; known are");
        assertThat(FerryCall.of("bench", "--formats", "Q9").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(FerryCall.of("bench", "--formats", "MXFP4").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of("bench", "--only", "disk").code()).isEqualTo(ExitCode.USAGE);
    }
}
