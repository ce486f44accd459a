package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.HttpReply;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.modelserver.Endpoint;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a vector must be, whatever server made it. */
class VectorProbeTest {
    @TempDir
    Path folder;

    private List<Finding> findings(int width, String number) throws IOException {
        Path file = folder.resolve("vectors.gguf");
        TinyGguf.writeEmbedding(file, 1);
        Subject subject = new Subject("m", List.of(), new Endpoint(URI.create("http://127.0.0.1:1"), null, Duration.ofSeconds(1)), "m", null, 0, List.of());
        Limits limits = new Limits(Duration.ofSeconds(9), Duration.ofSeconds(9), 0, Duration.ZERO, Duration.ofSeconds(60), Duration.ofSeconds(60), 0.001, 100, 16);
        String numbers = IntStream.range(0, width).mapToObj(i -> number).collect(Collectors.joining(","));
        List<Finding> findings = new ArrayList<>();
        new VectorProbe(call -> new HttpReply(200, Map.of(), ("{\"model\":\"m\",\"data\":[{\"embedding\":[" + numbers + "]}]}").getBytes(StandardCharsets.UTF_8)), limits).check(subject, file, findings);
        return findings;
    }

    @Test
    void anotherWidthThanTheFilesIsFound() throws IOException {
        assertThat(findings(32, "0.5")).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("has 32 numbers, the file says 64"));
    }

    @Test
    void zerosAreFound() throws IOException {
        assertThat(findings(64, "0")).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("nothing but zeros"));
    }

    @Test
    void whatIsNoNumberIsFound() throws IOException {
        assertThat(findings(64, "null")).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("no finite number"));
    }

    @Test
    void oneVectorForAllTextsIsFound() throws IOException {
        assertThat(findings(64, "0.5")).singleElement().satisfies(finding -> {
            assertThat(finding.status()).isEqualTo(Status.UNHEALTHY);
            assertThat(finding.sentence()).contains("is that of another text");
        });
    }
}
