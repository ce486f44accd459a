package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is looked at before an adapter is transferred, and what stops it. */
class BaseGateTest {
    private static final byte[] ADAPTER = "{\"peft_type\": \"LORA\", \"r\": 8, \"base_model_name_or_path\": \"org/base\", \"revision\": \"v2\"}".getBytes(StandardCharsets.UTF_8);

    @TempDir
    Path folder;
    private final List<LocalBases.Repository> asked = new ArrayList<>();
    private String architecture = "Qwen2ForCausalLM";
    private RuntimeException failure;

    private final BaseGate gate = new BaseGate(new LocalBases(new LocalBases.Repositories() {
        @Override
        public MergedModel.Base name(RunContext run, LocalBases.Repository repository) {
            throw new AssertionError("the gate needs no commit");
        }

        @Override
        public MergedModel.Base find(RunContext run, LocalBases.Repository repository) {
            throw new AssertionError("the gate brings nothing");
        }

        @Override
        public ObjectNode config(RunContext run, LocalBases.Repository repository) {
            asked.add(repository);
            if (failure != null) {
                throw failure;
            }
            ObjectNode config = JsonNodeFactory.instance.objectNode();
            config.putArray("architectures").add(architecture);
            return config;
        }
    }));

    private RunContext run(Map<String, String> settings, String... skip) {
        Settings loaded = new SettingsLoader(folder, Map.of()).load(Optional.empty(), settings).settings();
        RunRequest request = new RunRequest("captain", null, null, null, List.of(), null, null, List.of(skip), false, "command");
        return new RunContext("run", request, loaded, new Records(folder), Progress.NONE, new Cancellation());
    }

    private static Map<String, String> named(String base) {
        return Map.of("models.captain.base", base);
    }

    @Test
    void looksAtTheNamedBaseAndNeedsNoAdapter() {
        assertThat(gate.enter(run(named("org/other")))).isEmpty();
        assertThat(asked).containsExactly(new LocalBases.Repository("org/other", "main"));
        architecture = "MambaForCausalLM9";
        assertThatThrownBy(() -> gate.enter(run(named("org/other@v3")))).isInstanceOf(FerryException.class).hasMessageContaining("org/other").hasMessageContaining("not supported");
        assertThat(asked).last().isEqualTo(new LocalBases.Repository("org/other", "v3"));
    }

    @Test
    void asksTheAdapterWhereNobodyElseNamesTheBase() {
        Consumer<byte[]> judge = gate.enter(run(Map.of("models.captain.enabled", "true"))).orElseThrow();
        judge.accept(ADAPTER);
        assertThat(asked).containsExactly(new LocalBases.Repository("org/base", "v2"));
        architecture = "Qwen9ForCausalLM";
        assertThatThrownBy(() -> judge.accept(ADAPTER)).hasMessageContaining("'Qwen9ForCausalLM' is not supported").hasMessageContaining("Qwen2ForCausalLM");
        assertThatThrownBy(() -> judge.accept("{\"peft_type\": \"IA3\"}".getBytes(StandardCharsets.UTF_8))).hasMessageContaining("IA3");
        assertThatThrownBy(() -> judge.accept("{\"peft_type\": \"LORA\", \"r\": 8}".getBytes(StandardCharsets.UTF_8))).hasMessageContaining("Set models.captain.base");
    }

    @Test
    void aHubThatDoesNotAnswerStopsNothing() {
        failure = new TransientFailure("the hub does not answer");
        assertThat(gate.enter(run(named("org/other")))).isEmpty();
        failure = new FerryException("the repository is gated");
        assertThatThrownBy(() -> gate.enter(run(named("org/other")))).hasMessageContaining("gated");
    }

    @Test
    void looksAtNothingWhenNothingIsToBeConverted() {
        assertThat(gate.enter(run(named("org/other"), "quantize"))).isEmpty();
        assertThat(gate.enter(run(Map.of("models.captain.base", "org/other", "pipeline.stages", "[download, merge]")))).isEmpty();
        assertThat(asked).isEmpty();
    }
}
