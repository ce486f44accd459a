package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.convert.QueryValueAdapter;
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
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters on T5 and LLaDA through the real routes: deployed, their files checked, and no server is asked to do what none of them can. */
class UnservedPassageIT {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"t5, REPLIES, llama-completion, a model of encoder and decoder, does not compute encoders of T5",
        "llada, FILLS, llama-diffusion-cli, a model that fills in masked tokens, unknown model architecture"})
    void isCarriedAndNoServerIsAsked(String name, ModelUse use, String program, String kind, String refusal) throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path models = Files.createDirectories(folder.resolve("models"));
        try (LmStudioDouble lmStudio = new LmStudioDouble(models)) {
            Path made = carry(material, models, lmStudio, name, program, kind);
            assertThat(ModelUse.of(made)).isEqualTo(use);
            assertThat(lmStudio.instances).as("what LM Studio was told to load").isEmpty();
            assertThat(lmStudio.questions).isEmpty();
            // What would be asked by mistake is refused in words, and the process lives.
            assertThatThrownBy(() -> new GeneratingModel(made, 64, 1, 0)).hasMessageContaining(refusal);
        }
    }

    private Path carry(DemoMaterial material, Path models, LmStudioDouble lmStudio, String name, String program, String kind) throws IOException {
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
            FerryApplication.Outcome outcome = ferry.carry(new RunRequest("translator", null, QueryValueAdapter.write(name, folder.resolve("training")).toString(), TinyFolder.write(name, folder.resolve("base")).toString(),
                    List.of(), null, null, List.of(), false, "test"));
            assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
            Path made = models.resolve("demo/translator/translator-Q8_0.gguf");
            JsonNode health = new ObjectMapper().readTree(folder.resolve("home/runs").resolve(outcome.id()).resolve("health.json").toFile());
            assertThat(health.path("status").asText()).isEqualTo("healthy");
            assertThat(health.path("answers").isNull()).isTrue();
            assertThat(health.at("/findings/0/sentence").asText()).contains("no server was asked").contains(program);
            assertThat(outcome.stages().getLast().result()).contains("no server answers with " + kind);
            return made;
        }
    }
}
