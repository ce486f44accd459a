package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.convert.T5Adapter;
import dev.adapterferry.convert.TinyFolder;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.modelserver.LmStudioDouble;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter on T5 through the real routes: deployed, its files checked, and no server is asked to do what none of them can. */
class EncoderDecoderPassageIT {
    @TempDir
    private Path folder;

    @Test
    void aT5IsCarriedAndNoServerIsAsked() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path models = Files.createDirectories(folder.resolve("models"));
        try (LmStudioDouble lmStudio = new LmStudioDouble(models)) {
            carry(material, models, lmStudio);
            assertThat(lmStudio.instances).as("what LM Studio was told to load").isEmpty();
            assertThat(lmStudio.questions).isEmpty();
        }
    }

    private void carry(DemoMaterial material, Path models, LmStudioDouble lmStudio) throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  translator: {publisher: demo, formats: [Q8_0], context-length: 256, test-prompts: ["Who are you?"], evaluation: [demo]}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "%s"}}
                serve: {enabled: auto}
                health: {resource-warning: 100, retries: 0}
                merge: {allow: [base]}
                evaluate: {path: %s}
                vast: {enabled: never}
                """.formatted(folder.resolve("home"), models, lmStudio.base(), material.evaluation()));
        Settings settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        try (FerryApplication ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE)) {
            FerryApplication.Outcome outcome = ferry.carry(new RunRequest("translator", null, T5Adapter.write(folder.resolve("training")).toString(), TinyFolder.write("t5", folder.resolve("t5")).toString(),
                    List.of(), null, null, List.of(), false, "test"));
            assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
            Path made = models.resolve("demo/translator/translator-Q8_0.gguf");
            assertThat(ModelUse.of(made)).isEqualTo(ModelUse.REPLIES);
            JsonNode health = new ObjectMapper().readTree(folder.resolve("home/runs").resolve(outcome.id()).resolve("health.json").toFile());
            assertThat(health.path("status").asText()).isEqualTo("healthy");
            assertThat(health.path("answers").isNull()).isTrue();
            assertThat(health.at("/findings/0/sentence").asText()).contains("no server was asked").contains("llama-completion");
            assertThat(outcome.stages().getLast().result()).contains("no server answers with a model of encoder and decoder");
            // What would be asked by mistake is refused in words, and the process lives.
            assertThatThrownBy(() -> new GeneratingModel(made, 64, 1, 0)).hasMessageContaining("does not compute encoders of T5").hasMessageContaining("llama-completion");
        }
    }
}
