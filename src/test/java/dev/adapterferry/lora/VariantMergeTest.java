package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Everything but the plain linear layer: each kind against the formula, in double precision. */
class VariantMergeTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String EMBED = "model.embed_tokens";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("vocab_size", 30).put("tie_word_embeddings", false);
        base.add(EMBED + ".weight", ElementType.BF16, 0.5, 30, 12);
        base.add("lm_head.weight", ElementType.BF16, 0.5, 30, 12);
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        base.add(Q + ".bias", ElementType.BF16, 0.1, 20);
        base.add("model.norm.weight", ElementType.BF16, 1, 12);
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 4, 6);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter.writeAdapter());
    }

    private double[][] base(String name) {
        return Plain.of(base.get(name));
    }

    private void refuses(String... words) {
        assertThatThrownBy(() -> merge().close()).isInstanceOf(FerryException.class).satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test
    void mergesTransposedWeightsByTheirShape() {
        base.add("h.0.mlp.c_fc.weight", ElementType.F32, 0.1, 12, 20);
        adapter.config.put("fan_in_fan_out", false);
        adapter.pair("transformer.h.0.mlp.c_fc", 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "h.0.mlp.c_fc.weight", Plain.plus(base("h.0.mlp.c_fc.weight"), 1.5, Plain.transpose(adapter.product("transformer.h.0.mlp.c_fc"))));
        }
    }

    /** Qwen2.5-Omni is trained without what it speaks with; the base has both. */
    @Test
    void findsTheThinkerOfAWholeModel() {
        base.add("thinker.model.layers.7.self_attn.q_proj.weight", ElementType.F32, 0.1, 20, 12);
        base.add("talker.model.layers.7.self_attn.q_proj.weight", ElementType.F32, 0.1, 20, 12);
        adapter.pair("model.layers.7.self_attn.q_proj", 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            String name = "thinker.model.layers.7.self_attn.q_proj.weight";
            TinyFiles.assertMerged(merged, name, Plain.plus(base(name), 1.5, adapter.product("model.layers.7.self_attn.q_proj")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "qwen2"})
    void decidesSquareWeightsByTheArchitectureWhateverTheFlagSays(String model) {
        base.config.put("model_type", model);
        base.add("h.0.attn.c_proj.weight", ElementType.F16, 0.1, 12, 12);
        adapter.config.put("fan_in_fan_out", !model.equals("gpt2"));
        adapter.pair("transformer.h.0.attn.c_proj", 4, 12, 12);
        double[][] product = adapter.product("transformer.h.0.attn.c_proj");
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "h.0.attn.c_proj.weight", Plain.plus(base("h.0.attn.c_proj.weight"), 1.5, model.equals("gpt2") ? Plain.transpose(product) : product));
        }
    }

    @Test
    void mergesConvolutions() {
        base.add("model.conv.weight", ElementType.F32, 0.1, 6, 5, 3);
        adapter.add("base_model.model.model.conv.lora_A.weight", ElementType.F32, 0.3, 4, 5, 3);
        adapter.add("base_model.model.model.conv.lora_B.weight", ElementType.F32, 0.3, 6, 4, 1);
        try (MergedCheckpoint merged = merge()) {
            float[] values = TinyFiles.read(merged.tensors(), "model.conv.weight");
            TinyFiles.Stored a = adapter.get("base_model.model.model.conv.lora_A.weight");
            TinyFiles.Stored b = adapter.get("base_model.model.model.conv.lora_B.weight");
            TinyFiles.assertRounded(ElementType.F32, values, 15, (o, j) -> {
                double sum = base.get("model.conv.weight").values()[o * 15 + j];
                for (int k = 0; k < 4; k++) {
                    sum += 1.5 * b.values()[o * 4 + k] * a.values()[k * 15 + j];
                }
                return sum;
            });
            assertThat(TinyFiles.read(merged.plain(), "model.conv.weight")).containsExactly(values, org.assertj.core.data.Offset.offset(1e-7f));
        }
    }

    private void embeddingFactors(int vocabulary) {
        adapter.add("base_model.model." + EMBED + ".lora_embedding_A", ElementType.F32, 0.3, 4, vocabulary);
        adapter.add("base_model.model." + EMBED + ".lora_embedding_B", ElementType.F32, 0.3, 12, 4);
    }

    private double[][] embeddingDelta() {
        return Plain.transpose(Plain.times(Plain.of(adapter.get("base_model.model." + EMBED + ".lora_embedding_B")), Plain.of(adapter.get("base_model.model." + EMBED + ".lora_embedding_A"))));
    }

    @Test
    void mergesEmbeddings() {
        embeddingFactors(30);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.plus(base(EMBED + ".weight"), 1.5, embeddingDelta()));
            assertThat(TinyFiles.read(merged.tensors(), "lm_head.weight")).isEqualTo(base.get("lm_head.weight").values());
        }
    }

    @Test
    void mergesDoraOnLinearLayers() {
        adapter.config.put("use_dora", true);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, i -> 0.2 + 0.01 * i, 20);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.withRowLengths(Plain.plus(base(Q + ".weight"), 1.5, adapter.product(Q)),
                    adapter.get("base_model.model." + Q + ".lora_magnitude_vector").values()));
            assertThat(TinyFiles.read(merged.tensors(), Q + ".bias")).isEqualTo(base.get(Q + ".bias").values());
        }
    }

    @Test
    void leavesRowsWithoutDirectionZeroInDora() {
        base.add(Q + ".weight", ElementType.BF16, i -> (int) i / 12 == 7 ? 0 : 0.01 * (i % 5 + 1), 20, 12);
        adapter.config.put("use_dora", true);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, i -> (int) i / 4 == 7 ? 0 : 0.1, 20, 4);
        adapter.add("base_model.model." + Q + ".lora_magnitude_vector.weight", ElementType.F32, i -> 0.5, 20);
        try (MergedCheckpoint merged = merge()) {
            assertThat(java.util.Arrays.copyOfRange(TinyFiles.read(merged.tensors(), Q + ".weight"), 84, 96)).containsOnly(0);
        }
    }

    @Test
    void mergesDoraOnTransposedWeights() {
        base.add("h.0.mlp.c_fc.weight", ElementType.F32, 0.1, 12, 20);
        adapter.config.put("use_dora", true).put("fan_in_fan_out", true);
        adapter.pair("h.0.mlp.c_fc", 4, 20, 12).add("base_model.model.h.0.mlp.c_fc.lora_magnitude_vector", ElementType.F32, i -> 0.2 + 0.01 * i, 20);
        try (MergedCheckpoint merged = merge()) {
            double[][] view = Plain.plus(Plain.transpose(base("h.0.mlp.c_fc.weight")), 1.5, adapter.product("h.0.mlp.c_fc"));
            TinyFiles.assertMerged(merged, "h.0.mlp.c_fc.weight",
                    Plain.transpose(Plain.withRowLengths(view, adapter.get("base_model.model.h.0.mlp.c_fc.lora_magnitude_vector").values())));
        }
    }

    @Test
    void mergesDoraOnEmbeddingsByTheirDimensionsOverTheWholeVocabulary() {
        adapter.config.put("use_dora", true);
        embeddingFactors(30);
        adapter.add("base_model.model." + EMBED + ".lora_magnitude_vector", ElementType.F32, i -> 1 + 0.1 * i, 12);
        try (MergedCheckpoint merged = merge()) {
            double[][] view = Plain.transpose(Plain.plus(base(EMBED + ".weight"), 1.5, embeddingDelta()));
            TinyFiles.assertMerged(merged, EMBED + ".weight",
                    Plain.transpose(Plain.withRowLengths(view, adapter.get("base_model.model." + EMBED + ".lora_magnitude_vector").values())));
        }
    }

    @Test
    void refusesDoraWithoutMagnitudesAndMagnitudesWithoutDora() {
        adapter.pair(Q, 4, 20, 12);
        adapter.config.put("use_dora", true);
        refuses(Q, "no magnitude vector");
        adapter.config.put("use_dora", false);
        adapter.add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, 1, 20);
        refuses(Q, "use_dora");
        adapter.config.put("use_dora", true);
        adapter.add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, 1, 19);
        refuses(Q, "19 values");
    }

    @ParameterizedTest
    @ValueSource(strings = {"all", "lora_only"})
    void replacesTrainedBiases(String kind) {
        adapter.config.put("bias", kind);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + (kind.equals("all") ? ".bias" : ".base_layer.bias"), ElementType.F32, 0.5, 20);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(base(Q + ".weight"), 1.5, adapter.product(Q)));
            TinyFiles.assertMerged(merged, Q + ".bias", Plain.of(adapter.get("base_model.model." + Q + (kind.equals("all") ? ".bias" : ".base_layer.bias"))));
            assertThat(merged.warnings()).isEmpty();
        }
    }

    @Test
    void saysThatTheAdaptersOwnTokenizerAndTemplateAreUsed() throws IOException {
        adapter.pair(Q, 4, 20, 12);
        Files.createDirectories(base.folder);
        Files.createDirectories(adapter.folder);
        Files.writeString(base.folder.resolve("chat_template.jinja"), "{{ 'base' }}");
        Files.writeString(base.folder.resolve("special_tokens_map.json"), "{}");
        Files.writeString(adapter.folder.resolve("special_tokens_map.json"), "{}");
        Files.writeString(adapter.folder.resolve("chat_template.jinja"), "{{ 'mine' }}");
        try (MergedCheckpoint merged = merge()) {
            assertThat(merged.file("chat_template.jinja")).contains(adapter.folder.resolve("chat_template.jinja"));
            assertThat(merged.warnings()).singleElement().asString().isEqualTo("the adapter's own chat_template.jinja differs from the base's and is used");
        }
    }

    @Test
    void scalesTheBiasOfTheSecondLayer() {
        adapter.config.put("lora_bias", true);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.bias", ElementType.F32, 0.5, 20);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".bias", Plain.plus(base(Q + ".bias"), 1.5, Plain.of(adapter.get("base_model.model." + Q + ".lora_B.bias"))));
            MergeReport.Tensor line = merged.report().tensors().stream().filter(t -> t.name().equals(Q + ".bias")).findFirst().orElseThrow();
            assertThat(line.actualNorm()).isCloseTo(line.expectedNorm(), org.assertj.core.data.Offset.offset(1e-5));
        }
    }

    @Test
    void refusesABiasThatTheBaseCannotTake() {
        base.tensors.remove(Q + ".bias");
        adapter.config.put("lora_bias", true);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.bias", ElementType.F32, 0.5, 20);
        refuses(Q, "none that could take it");
    }

    @ParameterizedTest
    @ValueSource(strings = {".weight", ".modules_to_save.weight", ".modules_to_save.default.weight"})
    void replacesModulesSavedWhole(String suffix) {
        adapter.config.putArray("modules_to_save").add("norm");
        adapter.pair(Q, 4, 20, 12).add("base_model.model.model.norm" + suffix, ElementType.F32, 1, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "model.norm.weight", Plain.of(adapter.get("base_model.model.model.norm" + suffix)));
            assertThat(merged.warnings()).isEmpty();
            assertThat(merged.report().tensors()).anySatisfy(t -> assertThat(t.kind()).isEqualTo("replaced"));
        }
    }

    @Test
    void warnsOfAWholeModuleThatTheConfigurationDoesNotMention() {
        adapter.pair(Q, 4, 20, 12).add("base_model.model.model.norm.weight", ElementType.F32, 1, 12);
        try (MergedCheckpoint merged = merge()) {
            assertThat(merged.warnings()).singleElement().asString().contains("model.norm.weight", "does not mention");
        }
    }

    @Test
    void refusesAWholeModuleOfAnotherShape() {
        adapter.pair(Q, 4, 20, 12).add("base_model.model.model.norm.weight", ElementType.F32, 1, 13);
        refuses("model.norm", "[13]", "[12]");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void replacesTrainedTokenRows(boolean map) {
        if (map) {
            adapter.config.putObject("trainable_token_indices").putArray("embed_tokens").add(29).add(3).add(17);
        } else {
            adapter.config.putArray("trainable_token_indices").add(29).add(3).add(17);
        }
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + EMBED + ".token_adapter.trainable_tokens_delta", ElementType.F32, 0.5, 3, 12);
        try (MergedCheckpoint merged = merge()) {
            double[][] exact = base(EMBED + ".weight");
            double[][] rows = Plain.of(adapter.get("base_model.model." + EMBED + ".token_adapter.trainable_tokens_delta"));
            exact[29] = rows[0];
            exact[3] = rows[1];
            exact[17] = rows[2];
            TinyFiles.assertMerged(merged, EMBED + ".weight", exact);
            assertThat(TinyFiles.read(merged.tensors(), "lm_head.weight")).isEqualTo(base.get("lm_head.weight").values());
        }
    }

    @Test
    void refusesTokenRowsThatDoNotFit() {
        adapter.config.putArray("trainable_token_indices").add(29).add(30);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + EMBED + ".token_adapter.trainable_tokens_delta", ElementType.F32, 0.5, 2, 12);
        refuses("token 30", "30 rows");
        adapter.config.putArray("trainable_token_indices").add(29);
        refuses("[2, 12]", "1 rows");
        adapter.config.remove("trainable_token_indices");
        refuses("trainable_token_indices names none");
    }

    @Test
    void growsTheVocabularyWithTheSavedEmbeddings() {
        adapter.pair(Q, 4, 20, 12);
        adapter.add("base_model.model." + EMBED + ".weight", ElementType.BF16, 0.5, 33, 12);
        adapter.add("base_model.model.lm_head.weight", ElementType.BF16, 0.5, 33, 12);
        adapter.file("tokenizer.json", "{\"model\":{\"vocab\":{\"a\":0,\"b\":31}},\"added_tokens\":[{\"id\":32,\"content\":\"<x>\"}]}");
        try (MergedCheckpoint merged = merge()) {
            assertThat(merged.config().get("vocab_size").asInt()).isEqualTo(33);
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.of(adapter.get("base_model.model." + EMBED + ".weight")));
            TinyFiles.assertMerged(merged, "lm_head.weight", Plain.of(adapter.get("base_model.model.lm_head.weight")));
            new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation());
        }
    }

    @Test
    void addsTheDeltaOnTopOfAResizedEmbedding() {
        adapter.config.putArray("target_modules").add("embed_tokens").add("lm_head");
        adapter.add("base_model.model." + EMBED + ".base_layer.weight", ElementType.BF16, 0.5, 33, 12);
        embeddingFactors(33);
        adapter.add("base_model.model.lm_head.base_layer.weight", ElementType.BF16, 0.5, 33, 12);
        // A head's delta may end before the rows that were added last.
        adapter.pair("lm_head", 4, 31, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.plus(Plain.of(adapter.get("base_model.model." + EMBED + ".base_layer.weight")), 1.5, embeddingDelta()));
            double[][] head = Plain.of(adapter.get("base_model.model.lm_head.base_layer.weight"));
            double[][] product = adapter.product("lm_head");
            for (int i = 0; i < 31; i++) {
                for (int j = 0; j < 12; j++) {
                    head[i][j] += 1.5 * product[i][j];
                }
            }
            TinyFiles.assertMerged(merged, "lm_head.weight", head);
        }
    }

    @Test
    void refusesAVocabularyThatGrewInOnePlace() {
        adapter.pair(Q, 4, 20, 12);
        adapter.add("base_model.model." + EMBED + ".weight", ElementType.BF16, 0.5, 33, 12);
        refuses("33 rows", "output head 30");
    }

    @Test
    void refusesALowRankEmbeddingWhoseResizedBaseWasNotSaved() {
        embeddingFactors(33);
        refuses(EMBED, "resized embedding was not saved");
    }

    @Test
    void refusesATokenizerWithTokensThatHaveNoRow() {
        adapter.pair(Q, 4, 20, 12).file("tokenizer.json", "{\"added_tokens\":[{\"id\":30,\"special\":true}],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[[\"a\",\"b\"]]}}");
        refuses("token 30", "30 rows", "save_embedding_layers");
        adapter.file("tokenizer.json", "{\"model\":{\"vocab\":[[\"a\",0.5],[\"b\",-1]]}}");
        merge().close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"base_model.model.%s.lora_%s.default.weight", "base_model.model._orig_mod.%s.lora_%s.weight", "module.base_model.model.%s.lora_%s.weight",
        "base_model.model.base_model.model.%s.lora_%s.weight", "%s.lora_%s.weight", "_fsdp_wrapped_module.base_model.model._fsdp_wrapped_module.%s.lora_%s.weight",
        "base_model.model.%s.lora_%s.0.weight"})
    void understandsKeysAsTheyAreFound(String form) {
        adapter.add(form.formatted(Q, "A"), ElementType.F32, 0.2, 4, 12);
        adapter.add(form.formatted(Q, "B"), ElementType.F32, 0.2, 20, 4);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(base(Q + ".weight"), 1.5, Plain.times(Plain.of(adapter.get(form.formatted(Q, "B"))), Plain.of(adapter.get(form.formatted(Q, "A"))))));
        }
    }

    @Test
    void refusesTwoTensorsThatMeanTheSame() {
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_A.default.weight", ElementType.F32, 0.2, 4, 12);
        refuses("mean the same part", Q);
    }

    @ParameterizedTest
    @ValueSource(strings = {"language_model.model.layers.0.fc>model.language_model.layers.0.fc", "model.language_model.layers.0.fc>language_model.model.layers.0.fc",
        "model.layers.0.fc>model.language_model.layers.0.fc", "model.layers.0.fc>language_model.model.layers.0.fc", "model.language_model.layers.0.fc>model.layers.0.fc",
        "model.visual.blocks.0.fc>visual.blocks.0.fc", "model.layers.0.fc>layers.0.fc", "layers.0.fc>model.layers.0.fc",
        "model.layers.0.mixer.in_proj>backbone.layers.0.mixer.in_proj", "backbone.layers.0.mixer.in_proj>model.layers.0.mixer.in_proj"})
    void findsRenamedModules(String pair) {
        String[] names = pair.split(">");
        base.tensors.clear();
        base.add(names[1] + ".weight", ElementType.BF16, 0.1, 20, 12);
        adapter.pair(names[0], 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, names[1] + ".weight", Plain.plus(base(names[1] + ".weight"), 1.5, adapter.product(names[0])));
        }
    }

    @Test
    void refusesAModuleThatCouldBeSeveral() {
        base.add("language_model.model.layers.0.fc.weight", ElementType.BF16, 0.1, 20, 12);
        base.add("model.language_model.layers.0.fc.weight", ElementType.BF16, 0.1, 20, 12);
        adapter.pair("model.layers.0.fc", 4, 20, 12);
        refuses("could be any of");
    }

    @Test
    void refusesAnAdapterWhoseFactorsAreAllZero() {
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, i -> 0, 20, 4);
        refuses("no effect", "zero");
    }

    @Test
    void refusesAnUntrainedModuleUnlessItIsAllowedByName() {
        adapter.pair(Q, 4, 20, 12).pair("lm_head", 4, 30, 12).add("base_model.model.lm_head.lora_B.weight", ElementType.F32, i -> 0, 30, 4);
        refuses("lm_head", "untrained-modules");
        MergeOptions options = new MergeOptions(Optional.empty(), Set.of("untrained-modules"));
        try (MergedCheckpoint merged = MergedCheckpoint.open(base.openBase(), java.util.List.of(MergeInput.of(adapter.folder)), options)) {
            assertThat(merged.warnings()).singleElement().asString().contains("1 of 2 adapted modules were not trained", "lm_head");
        }
    }

    @ParameterizedTest
    @EnumSource(value = ElementType.class, names = {"BF16", "F16"})
    void failsWhenNotOneElementChanges(ElementType type) {
        base.add(Q + ".weight", type, 0.1, 20, 12);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, 1e-9, 20, 4);
        try (MergedCheckpoint merged = merge()) {
            assertThatThrownBy(() -> new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation()))
                    .isInstanceOf(FerryException.class).hasMessageContaining("no effect").hasMessageContaining("240 elements");
            assertThat(folder.resolve("out")).doesNotExist();
        }
    }

    @Test
    void failsWhenAMergedValueIsNotFinite() {
        base.add(Q + ".weight", ElementType.BF16, i -> 3e38, 20, 12);
        adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_B.weight", ElementType.F32, i -> 3e38, 20, 4);
        adapter.add("base_model.model." + Q + ".lora_A.weight", ElementType.F32, i -> 3e38, 4, 12);
        try (MergedCheckpoint merged = merge()) {
            assertThatThrownBy(() -> new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation()))
                    .isInstanceOf(FerryException.class).hasMessageContaining(Q).hasMessageContaining("240 values that are not finite");
        }
    }

    @Test
    void refusesToWriteValuesBeyondF16() {
        base.add(Q + ".weight", ElementType.BF16, i -> 70000, 20, 12);
        adapter.pair(Q, 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            assertThatThrownBy(() -> new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.of(ElementType.F16), 1 << 20, 2), Progress.NONE, new Cancellation()))
                    .isInstanceOf(FerryException.class).hasMessageContaining(Q).hasMessageContaining("65504");
        }
    }
}
