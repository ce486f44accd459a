package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.evaluate.PromptSet;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.llamacpp.EmbeddingModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter on an embedding model through the real routes and the embedded llama.cpp: deployed, healthy by its vectors, not scored but compared by them. */
class EmbeddingCommandsIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    @Test
    void anEmbeddingModelIsCarriedAndNobodyAsksItForAnswers() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  vectors: {publisher: demo, formats: [Q8_0, Q2_K], context-length: 256, test-prompts: ["Who are you?"], evaluation: [demo]}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                health: {resource-warning: 100, retries: 0}
                merge: {allow: [adapterferry/demo-base]}
                evaluate: {path: %s, promote: true}
                """.formatted(folder.resolve("home"), Files.createDirectories(folder.resolve("models")), material.evaluation()));
        FerryCall deployed = FerryCall.of(file, "deploy", "vectors", "--adapter", material.training().toString(), "--base", pooled(material).toString());
        assertThat(deployed.code()).as(deployed.err()).isZero();
        assertThat(deployed.out()).contains("a model that makes vectors of texts answers no prompts");
        Path fine = folder.resolve("models/demo/vectors/vectors-Q8_0.gguf");
        assertThat(ModelUse.of(fine)).isEqualTo(ModelUse.VECTORS);
        assertThat(folder.resolve("home/clients/vectors/ask.sh")).content().contains("/v1/embeddings").doesNotContain("/v1/chat");
        try (Stream<Path> runs = Files.walk(folder.resolve("home/runs"), 2)) {
            JsonNode health = JSON.readTree(runs.filter(path -> path.endsWith("health.json")).findFirst().orElseThrow().toFile());
            assertThat(health.at("/answers/0/response").asText()).matches("a vector of \\d+ numbers");
        }
        FerryCall compared = FerryCall.of(file, "compare", "vectors", "--formats", "Q8_0,Q2_K", "--json");
        assertThat(compared.code()).as(compared.err()).isZero();
        JsonNode found = JSON.readTree(compared.out()).path(0);
        assertThat(found.path("contender").asText()).isEqualTo("vectors 1 Q2_K");
        assertThat(found.path("reference").asText()).isEqualTo("vectors 1 Q8_0");
        List<Double> expected = cosines(fine, fine.resolveSibling("vectors-Q2_K.gguf"), PromptSet.read(material.evaluation().resolve("demo.jsonl")).stream().map(prompt -> prompt.prompt()).distinct().toList());
        assertThat(found.path("texts").asInt()).isEqualTo(expected.size());
        assertThat(found.path("mean").asDouble()).isCloseTo(expected.stream().mapToDouble(cosine -> cosine).average().orElseThrow(), Offset.offset(1e-5)).isBetween(0.5, 0.9999);
        assertThat(found.path("lowest").asDouble()).isCloseTo(expected.stream().mapToDouble(cosine -> cosine).min().orElseThrow(), Offset.offset(1e-5));
        assertThat(FerryCall.of(file, "compare", "vectors", "--formats", "Q8_0,Q2_K", "--promote").code()).isEqualTo(ExitCode.USAGE);
        FerryCall refused = FerryCall.of(file, "evaluate", "vectors");
        assertThat(refused.code()).isEqualTo(ExitCode.FAILED);
        assertThat(refused.err()).contains("makes vectors of texts").contains("'ferry compare'");
    }

    private Path pooled(DemoMaterial material) throws IOException {
        Path base = Files.createDirectories(folder.resolve("pooled"));
        try (Stream<Path> files = Files.list(material.base())) {
            for (Path file : files.toList()) {
                Files.copy(file, base.resolve(file.getFileName()));
            }
        }
        Files.writeString(base.resolve("modules.json"), "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}]");
        Files.writeString(Files.createDirectories(base.resolve("1_Pooling")).resolve("config.json"), "{\"pooling_mode_mean_tokens\":false,\"pooling_mode_lasttoken\":true}");
        return base;
    }

    private static List<Double> cosines(Path one, Path other, List<String> texts) {
        List<Double> cosines = new ArrayList<>();
        try (EmbeddingModel first = new EmbeddingModel(one, 256, 1, 0); EmbeddingModel second = new EmbeddingModel(other, 256, 1, 0)) {
            for (String text : texts) {
                float[] a = first.embed(text).vector();
                float[] b = second.embed(text).vector();
                double sum = 0;
                for (int i = 0; i < a.length; i++) {
                    sum += (double) a[i] * b[i];
                }
                cosines.add(sum);
            }
        }
        return cosines;
    }
}
