package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.TinyFolder;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.source.AdapterSketch;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is looked at before an adapter is transferred, and what stops it. */
class BaseGateTest {
    private static final String ADAPTER = "{\"peft_type\": \"LORA\", \"r\": 8, \"base_model_name_or_path\": \"org/base\", \"revision\": \"v2\"}";

    @TempDir
    Path folder;
    private final List<LocalBases.Repository> asked = new ArrayList<>();
    private final List<LocalBases.Repository> outlined = new ArrayList<>();
    private String architecture = "Qwen2ForCausalLM";
    private RuntimeException failure;

    private final BaseGate gate = new BaseGate(new LocalBases(new LocalBases.Repositories() {
        @Override
        public MergedModel.Base name(RunContext run, LocalBases.Repository repository) {
            throw new AssertionError("the gate needs no commit");
        }

        @Override
        public MergedModel.Base find(RunContext run, LocalBases.Repository repository, Consumer<Checkpoint> judge) {
            throw new AssertionError("the gate brings nothing");
        }

        @Override
        public Checkpoint outline(RunContext run, LocalBases.Repository repository) {
            outlined.add(repository);
            if (failure != null) {
                throw failure;
            }
            return CheckpointFolder.open(base("qwen2"), repository.name());
        }

        @Override
        public ObjectNode config(RunContext run, LocalBases.Repository repository) {
            asked.add(repository);
            if (failure != null) {
                throw failure;
            }
            ObjectNode config = CheckpointFolder.readObject(base("qwen2").resolve("config.json"));
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

    /** A tiny base of some kind, as a folder. */
    private Path base(String kind) {
        try {
            Path base = folder.resolve(kind);
            return Files.isDirectory(base) ? base : TinyFolder.write(kind, base);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An adapter whose weights are nobody's business yet. */
    private static AdapterSketch sketch(String config) {
        return new AdapterSketch(config.getBytes(StandardCharsets.UTF_8), Optional::empty);
    }

    /** An adapter of tensors, as {@code module.lora_A 8x64}. */
    private static AdapterSketch sketch(String fields, String tensors) {
        List<TensorInfo> infos = Arrays.stream(tensors.split(" *, *")).map(text -> text.split(" "))
                .map(parts -> new TensorInfo("base_model.model." + parts[0] + (parts[0].endsWith("_A") || parts[0].endsWith("_B") ? ".weight" : ""), ElementType.F32,
                        Arrays.stream(parts[1].split("x")).map(Long::valueOf).toList())).toList();
        return new AdapterSketch(("{\"peft_type\": \"LORA\", \"r\": 8" + (fields.isEmpty() ? "" : ", " + fields) + "}").getBytes(StandardCharsets.UTF_8), () -> Optional.of(infos));
    }

    private Consumer<AdapterSketch> judge(Map<String, String> settings, String... skip) {
        return gate.enter(run(settings, skip)).orElseThrow();
    }

    @Test
    void looksAtTheNamedBaseBeforeAnybodyAsksForTheAdapter() {
        assertThat(gate.enter(run(named("org/other")))).isPresent();
        assertThat(asked).containsExactly(new LocalBases.Repository("org/other", "main"));
        assertThat(outlined).isEmpty();
        architecture = "MambaForCausalLM9";
        assertThatThrownBy(() -> gate.enter(run(named("org/other@v3")))).isInstanceOf(FerryException.class).hasMessageContaining("org/other").hasMessageContaining("not supported");
        assertThat(asked).last().isEqualTo(new LocalBases.Repository("org/other", "v3"));
    }

    @Test
    void asksTheAdapterWhereNobodyElseNamesTheBase() {
        Consumer<AdapterSketch> judge = judge(Map.of("models.captain.enabled", "true"));
        judge.accept(sketch(ADAPTER));
        assertThat(asked).containsExactly(new LocalBases.Repository("org/base", "v2"));
        assertThat(outlined).isEqualTo(asked);
        architecture = "Qwen9ForCausalLM";
        AdapterSketch untouched = new AdapterSketch(ADAPTER.getBytes(StandardCharsets.UTF_8), () -> {
            throw new AssertionError("the configuration tells enough");
        });
        assertThatThrownBy(() -> judge.accept(untouched)).hasMessageContaining("'Qwen9ForCausalLM' is not supported").hasMessageContaining("Qwen2ForCausalLM");
        assertThatThrownBy(() -> judge.accept(sketch("{\"peft_type\": \"IA3\"}"))).hasMessageStartingWith("Cannot merge captain: ").hasMessageContaining("IA3");
        assertThatThrownBy(() -> judge.accept(sketch("{\"peft_type\": \"LORA\", \"r\": 8}"))).hasMessageContaining("Set models.captain.base");
    }

    @Test
    void aHubThatDoesNotAnswerStopsNothing() {
        failure = new TransientFailure("the hub does not answer");
        judge(named("org/other")).accept(sketch(ADAPTER));
        failure = new FerryException("the repository is gated");
        assertThatThrownBy(() -> gate.enter(run(named("org/other")))).hasMessageContaining("gated");
    }

    @Test
    void looksOnlyAtWhatIsToBeDone() {
        assertThat(gate.enter(run(named("org/other"), "merge", "quantize"))).isEmpty();
        assertThat(gate.enter(run(Map.of("models.captain.base", "org/other", "pipeline.stages", "[download]")))).isEmpty();
        assertThat(asked).isEmpty();
        // A merge alone may be of a kind that cannot be converted, and still has to fit.
        Consumer<AdapterSketch> judge = judge(named("org/other"), "quantize");
        judge.accept(sketch("", "model.layers.0.self_attn.q_proj.lora_A 8x64, model.layers.0.self_attn.q_proj.lora_B 64x8"));
        assertThat(asked).isEmpty();
        assertThatThrownBy(() -> judge.accept(sketch("", "model.layers.9.self_attn.q_proj.lora_A 8x64, model.layers.9.self_attn.q_proj.lora_B 64x8"))).hasMessageContaining("layers.9");
    }

    /** One case for each kind of refusal that a merge, a conversion or a pass makes by names, shapes and configurations. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        # what the merge refuses: layers
        llama       | | L.0.self_attn.q_proj.lora_A 8x32, L.0.self_attn.q_proj.lora_B 64x8   | does not fit the base's [64, 64]
        llama       | | L.0.self_attn.q_proj.lora_A 4x64, L.0.self_attn.q_proj.lora_B 64x4   | has rank 4, adapter_config.json says 8
        llama       | | L.7.self_attn.q_proj.lora_A 8x64, L.7.self_attn.q_proj.lora_B 64x8   | layers.7.self_attn.q_proj
        llama       | | L.0.self_attn.q_proj.lora_A 8x64                                     | without its counterpart
        llama       | | L.0.self_attn.q_proj.surprise 8x64                                   | surprise
        llama       | "use_dora": true | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8 | says DoRA, but the file holds no magnitude vector
        llama       | "use_dora": true | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8, L.0.self_attn.q_proj.lora_magnitude_vector.weight 32 | magnitude vector has 32 values
        llama       | "init_lora_weights": "corda" | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8 | corda, which changed the base
        llama       | "init_lora_weights": "pissa" | L.0.self_attn.k_proj.lora_A 8x64, L.0.self_attn.k_proj.lora_B 32x8, L.0.mlp.up_proj.lora_A 200x64, L.0.mlp.up_proj.lora_B 96x200 | has rank 200
        llama       | "base_model_name_or_path": "org/other" | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8 | trained on org/other
        llama       | "layer_replication": [[0, 9]] | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8 | as adapter_config.json asks ([[0, 9]]): it has 2 layers
        llama       | "trainable_token_indices": [999] | model.embed_tokens.token_adapter.trainable_tokens_delta 1x64 | token 999 was trained, but the embedding has 384 rows
        llama       | "modules_to_save": ["lm_head"] | lm_head.weight 500x64 | the vocabulary was resized, but only in one place
        llama       | | L.0.self_attn.q_proj.lora_A 8x0, L.0.self_attn.q_proj.lora_B 64x8 | is empty, shape [8, 0]
        # experts: fused, one by one, and of another kind
        mixtral     | "target_parameters": ["mlp.experts.gate_up_proj"] | L.0.mlp.experts.lora_A 32x60, L.0.mlp.experts.lora_B 192x32 | fits none of its parameters [gate_up_proj [4, 192, 64]]
        mixtral     | "target_parameters": ["mlp.experts.gate_up_proj"] | L.0.mlp.experts.lora_A 24x64, L.0.mlp.experts.lora_B 192x24 | says 8
        mixtral     | "target_parameters": ["mlp.experts.gate_up_proj"] | L.0.mlp.experts.lora_A 32x64, L.0.mlp.experts.lora_B 192x32, L.0.mlp.experts.lora_magnitude_vector.weight 192 | which fused parameters do not have
        mixtral     | "target_parameters": ["mlp.experts.surprise"]     | L.0.mlp.experts.lora_A 32x64, L.0.mlp.experts.lora_B 192x32 | fits none of its parameters
        mixtral     | "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] | L.0.mlp.experts.lora_A 32x64, L.0.mlp.experts.lora_B 192x32, L.0.mlp.experts.base_layer.lora_A 32x64, L.0.mlp.experts.base_layer.lora_B 192x32 | two of its parameters fit only 'gate_up_proj'
        qwen3moe    | | L.0.mlp.experts.9.up_proj.lora_A 8x64, L.0.mlp.experts.9.up_proj.lora_B 32x8   | experts.9.up_proj
        qwen3moe    | | L.0.mlp.experts.1.up_proj.lora_A 8x32, L.0.mlp.experts.1.up_proj.lora_B 32x8   | does not fit the base's [32, 64]
        qwen3moe-packed | | L.0.mlp.experts.1.up_proj.lora_A 8x64, L.0.mlp.experts.1.up_proj.lora_B 32x8 | experts.1.up_proj
        """)
    void refusesWhatAMergeWouldRefuse(String kind, String fields, String tensors, String expected) {
        assertRefused(named(base(kind).toString()), fields, tensors, expected);
    }

    private void assertRefused(Map<String, String> settings, String fields, String tensors, String expected) {
        assertThatThrownBy(() -> judge(settings).accept(sketch(fields == null ? "" : fields, tensors.replace("L.", "model.layers.")))).isInstanceOf(FerryException.class).isNotInstanceOf(TransientFailure.class)
                .hasMessageContaining(expected).hasMessageMatching("(?s)Cannot (merge|convert|quantize|replicate) .*: .*\\. [A-Z].*\\.");
    }

    private static final String GOOD = "L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8";

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        rope_scaling        | {"type": "yarn", "factor": 2}                 | original_max_position_embeddings
        quantization_config | {"quant_method": "bitsandbytes", "bits": 4}   | is quantized (bitsandbytes)
        num_attention_heads | 7                                             | cannot be split into 7 equal parts
        num_hidden_layers   | 3                                             | model.layers.2
        """)
    void refusesWhatAConversionWouldRefuse(String field, String value, String expected) throws IOException {
        Path config = base("llama").resolve("config.json");
        ObjectNode edited = CheckpointFolder.readObject(config);
        edited.set(field, new JsonMapper().readTree(value));
        Files.writeString(config, edited.toString());
        assertRefused(named(base("llama").toString()), "", GOOD, expected);
    }

    @Test
    void refusesATypeThatThePassWouldRefuse() {
        assertRefused(Map.of("models.captain.base", base("llama").toString(), "quantize.output-type", "q4_k"), "", GOOD, "output.weight' to Q4_K: its rows have 64 values");
    }

    /** What depends on values is not known yet, and refuses nothing. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        llama       | | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8
        llama       | "use_dora": true | L.0.self_attn.q_proj.lora_A 8x64, L.0.self_attn.q_proj.lora_B 64x8, L.0.self_attn.q_proj.lora_magnitude_vector.weight 64
        llama       | "init_lora_weights": "pissa" | L.0.self_attn.k_proj.lora_A 8x64, L.0.self_attn.k_proj.lora_B 32x8
        llama       | "init_lora_weights": "olora" | L.0.self_attn.k_proj.lora_A 8x64, L.0.self_attn.k_proj.lora_B 32x8
        llama       | "layer_replication": [[0, 2], [0, 2]] | L.3.self_attn.k_proj.lora_A 8x64, L.3.self_attn.k_proj.lora_B 32x8
        llama-3.2   | | model.embed_tokens.lora_embedding_A 8x384, model.embed_tokens.lora_embedding_B 64x8, lm_head.lora_A 8x64, lm_head.lora_B 384x8
        llama-3.2   | "modules_to_save": ["lm_head", "embed_tokens"] | model.embed_tokens.weight 400x64, lm_head.weight 400x64
        mixtral     | "target_parameters": ["mlp.experts.gate_up_proj"] | L.0.mlp.experts.lora_A 32x64, L.0.mlp.experts.lora_B 192x32
        qwen3moe    | | L.0.mlp.experts.1.up_proj.lora_A 8x64, L.0.mlp.experts.1.up_proj.lora_B 32x8
        """)
    void letsPassWhatMayBeMerged(String kind, String fields, String tensors) {
        judge(named(base(kind).toString())).accept(sketch(fields == null ? "" : fields, tensors.replace("L.", "model.layers.")));
    }
}
