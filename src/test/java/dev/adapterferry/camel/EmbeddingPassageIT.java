package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.stage.RunRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter on an embedding model through the real routes and the embedded llama.cpp: deployed, healthy by its vectors, not scored. */
class EmbeddingPassageIT {
    @TempDir
    private Path folder;

    @Test
    void anEmbeddingModelIsCarriedAndNobodyAsksItForAnswers() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path base = Files.createDirectories(folder.resolve("pooled"));
        try (Stream<Path> files = Files.list(material.base())) {
            for (Path file : files.toList()) {
                Files.copy(file, base.resolve(file.getFileName()));
            }
        }
        Files.writeString(base.resolve("modules.json"), "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}]");
        Files.writeString(Files.createDirectories(base.resolve("1_Pooling")).resolve("config.json"), "{\"pooling_mode_mean_tokens\":false,\"pooling_mode_lasttoken\":true}");
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  vectors: {publisher: demo, formats: [Q8_0], context-length: 256, test-prompts: ["Who are you?"], evaluation: [demo]}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                serve: {enabled: auto}
                health: {resource-warning: 100, retries: 0}
                merge: {allow: [adapterferry/demo-base]}
                evaluate: {path: %s}
                vast: {enabled: never}
                """.formatted(folder.resolve("home"), Files.createDirectories(folder.resolve("models")), material.evaluation()));
        Settings settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        try (FerryApplication ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE)) {
            FerryApplication.Outcome outcome = ferry.carry(new RunRequest("vectors", null, material.training().toString(), base.toString(), List.of(), null, null, List.of(), false, "test"));
            assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
            assertThat(ModelUse.of(folder.resolve("models/demo/vectors/vectors-Q8_0.gguf"))).isEqualTo(ModelUse.VECTORS);
            JsonNode health = new ObjectMapper().readTree(folder.resolve("home/runs").resolve(outcome.id()).resolve("health.json").toFile());
            assertThat(health.at("/answers/0/response").asText()).matches("a vector of \\d+ numbers");
            assertThat(outcome.stages().getLast().result()).contains("a model that makes vectors of texts answers no prompts");
            assertThat(folder.resolve("home/clients/vectors/ask.sh")).content().contains("/v1/embeddings").doesNotContain("/v1/chat");
        }
    }
}
