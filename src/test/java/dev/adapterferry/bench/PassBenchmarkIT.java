package dev.adapterferry.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The benchmark works from end to end; how fast is not asked here. */
class PassBenchmarkIT {
    @TempDir
    Path folder;

    @Test
    void measuresEverySetUpAndLeavesOnlyItsNumbers() throws Exception {
        SyntheticQwen2 model = SyntheticQwen2.ofSize(System.getProperty("ferry.bench.size", "0.01B"));
        Path json = folder.resolve("numbers.json");
        ByteArrayOutputStream table = new ByteArrayOutputStream();
        new PassBenchmark(new PassBenchmark.Options(model, folder, Optional.of(json)), new PrintStream(table, true, StandardCharsets.UTF_8)).run();
        JsonNode root = new JsonMapper().readTree(json.toFile());
        assertThat(root.path("weights").asLong()).isEqualTo(model.parameters());
        assertThat(root.path("runs")).hasSize(4);
        for (JsonNode run : root.path("runs")) {
            // A tied output matrix is the embedding, so all weights of the checkpoint are written, and no others.
            assertThat(run.path("weights").asLong()).isEqualTo(model.parameters());
            assertThat(run.path("outputBytes").asLong()).isBetween(model.parameters() / 2, model.parameters() * 4);
            assertThat(run.path("processCpuSeconds").asDouble()).isPositive();
            double must = 2.0 * model.parameters() + run.path("outputBytes").asLong();
            assertThat(run.path("bytesRead").asLong() + run.path("bytesWritten").asLong()).as("every byte is moved once").isLessThan((long) (1.05 * must));
        }
        assertThat(root.at("/runs/0/outputBytes")).as("threads and size").isEqualTo(root.at("/runs/1/outputBytes"));
        assertThat(table.toString(StandardCharsets.UTF_8)).contains("merge, three formats").contains("target: at most 30");
        assertThat(folder.toFile().list()).containsExactly("numbers.json");
    }
}
