package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An adapter over a base becomes the same GGUF, to the byte, as a checkpoint whose weights were merged by hand. The factors are eighths, so
 * that their products are exact and each merged weight is rounded once on both ways.
 */
class AdapterConversionIT {
    private static final int RANK = 2;
    private static final double SCALE = 2;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"gemma3n, model.layers, q_proj v_proj per_layer_input_gate linear_left modality_router",
            "gemma4, model.layers, q_proj k_proj v_proj o_proj gate_proj up_proj down_proj per_layer_input_gate per_layer_projection",
            "rwkv7, model.layers, r_proj k_proj v_proj o_proj key value 0 2", "rwkv6, rwkv.blocks, receptance key value gate output", "rwkv6qwen2, model.layers, q_proj k_proj v_proj gate o_proj up_proj",
            "cohere2moe, model.layers, q_proj k_proj o_proj gate_proj down_proj",
            "minimax-01, model.layers, qkv_proj output_gate out_proj q_proj o_proj gate w1 w2 w3",
            "arwkv7, model.layers, receptance key value output down_proj",
            "gemma4-vision, model.language_model.layers, q_proj v_proj down_proj", "gemma4-moe, model.layers, q_proj k_proj o_proj gate_proj", "gemma4-unified-vision, model.language_model.layers, q_proj k_proj o_proj up_proj",
            "chatglm3, transformer.encoder.layers, query_key_value dense dense_h_to_4h dense_4h_to_h",
            "smallthinker, model.layers, q_proj primary_router up down", "grovemoe, model.layers, q_proj up_proj", "arctic, model.layers, q_proj k_proj w1 w2 w3", "laguna, model.layers, q_proj g_proj gate_proj", "mellum, model.layers, k_proj down_proj",
            "bailingmoe, model.layers, query_key_value dense gate_proj", "afmoe, model.layers, q_proj k_proj o_proj gate_proj", "hunyuan-moe, model.layers, q_proj v_proj wg up_proj", "exaone-moe, model.layers, q_proj o_proj down_proj", "hy_v3, model.layers, q_proj v_proj gate_proj",
            "deci, model.layers, q_proj k_proj v_proj o_proj linear_attn gate_proj up_proj down_proj", "openelm, transformer.layers, qkv_proj out_proj proj_1 proj_2",
            "llada, model.transformer.blocks, q_proj k_proj v_proj attn_out ff_proj up_proj ff_out", "plamo, model.layers, q_proj k_proj o_proj down_proj", "youtu, model.layers, q_a_proj q_b_proj kv_b_proj o_proj",
            "refact, transformer.h, q kv gate_up_proj c_proj",
            "glm4v, model.language_model.layers, q_proj k_proj o_proj gate_up_proj", "step35, model.layers, q_proj k_proj v_proj o_proj g_proj", "mimo2, model.layers, q_proj k_proj v_proj o_proj gate_proj",
            "glm-dsa, model.layers, q_a_proj q_b_proj kv_b_proj o_proj wk wq_b weights_proj gate_proj",
            "qwen2.5-omni, thinker.model.layers, q_proj k_proj down_proj", "paddleocr, model.layers, q_proj o_proj up_proj",
            "kimi-linear, model.layers, q_proj k_proj f_a_proj g_b_proj b_proj kv_b_proj o_proj w1 w2 gate_proj",
            "qwen3-embedding, layers, q_proj v_proj down_proj", "lfm2moe, model.layers, q_proj k_proj v_proj out_proj in_proj w1 w2 w3", "glm4moe, model.layers, q_proj gate_proj down_proj", "gpt-oss, model.layers, q_proj k_proj o_proj"})
    void theFileIsThatOfTheMergedCheckpoint(String name, String prefix, String modules) throws IOException {
        MemoryCheckpoint byHand = checkpoint(name);
        Set<String> targets = Set.of(modules.split(" "));
        List<TensorInfo> adapted = byHand.tensors().tensors().stream().filter(t -> t.name().startsWith(prefix) && targets.contains(module(t.name()))).toList();
        assertThat(adapted.stream().map(t -> module(t.name())).collect(Collectors.toSet())).isEqualTo(targets);
        Path adapter = writeAdapter(folder, byHand, adapted, targets);
        Path expected = write(byHand, "by-hand");
        MergeOptions options = new MergeOptions(Optional.empty(), Set.of("base"));
        try (MergedCheckpoint merged = MergedCheckpoint.open(checkpoint(name), List.of(MergeInput.of(adapter)), options)) {
            Path found = write(merged, "merged");
            assertThat(Files.mismatch(found, expected)).isEqualTo(-1);
        }
        Path plain = write(checkpoint(name), "plain");
        assertThat(Files.mismatch(plain, expected)).as("the adapter changes the file").isNotEqualTo(-1);
    }

    /** Queries and values of both stacks, those with which the decoder looks at the encoder among them, as PEFT adapts T5 where nothing else is said; and everything else. */
    @ParameterizedTest
    @CsvSource({"t5, q v", "t5-1.1, q v wi_0 wo", "mt5, q k v o wi_0 wi_1 wo", "umt5, q v"})
    void anAdapterOfEncoderAndDecoderIsMerged(String name, String modules) throws IOException {
        MemoryCheckpoint byHand = checkpoint(name);
        Set<String> targets = Set.of(modules.split(" "));
        List<TensorInfo> adapted = byHand.tensors().tensors().stream().filter(t -> targets.contains(module(t.name()))).toList();
        assertThat(adapted).anyMatch(t -> t.name().startsWith("encoder.")).anyMatch(t -> t.name().contains("EncDecAttention.v"));
        Path adapter = writeAdapter(folder, byHand, adapted, targets, "", ",\"task_type\":\"SEQ_2_SEQ_LM\"");
        Path expected = write(byHand, "by-hand");
        try (MergedCheckpoint merged = MergedCheckpoint.open(checkpoint(name), List.of(MergeInput.of(adapter)), new MergeOptions(Optional.empty(), Set.of("base")))) {
            assertThat(merged.adaptedTensors()).hasSize(adapted.size());
            assertThat(Files.mismatch(write(merged, "merged"), expected)).isEqualTo(-1);
        }
        assertThat(Files.mismatch(write(checkpoint(name), "plain"), expected)).as("the adapter changes the file").isNotEqualTo(-1);
    }

    /** Trained on the bare encoder, as sentence-transformers and PEFT do; the base was saved with a head, and names under the prefix of the class around both. */
    @ParameterizedTest
    @CsvSource({"bert, '', query value dense", "bert-masked, bert., query value dense", "xlm-roberta, roberta., query key value", "nomic-bert, '', Wqkv out_proj fc11",
            "distilbert, distilbert., q_lin v_lin lin1", "jina-bert-v2-code, '', query up_gated_layer down_layer", "modern-bert-masked, model., Wqkv Wi Wo", "eurobert, '', q_proj down_proj", "neo-bert, '', qkv w12 w3", "xlm-roberta-flash, '', Wqkv fc1"})
    void anEncodersAdapterFindsItsBasesNames(String name, String prefix, String modules) throws IOException {
        MemoryCheckpoint byHand = checkpoint(name);
        Set<String> targets = Set.of(modules.split(" "));
        List<TensorInfo> adapted = byHand.tensors().tensors().stream().filter(t -> t.name().startsWith(prefix) && t.name().matches(".*\\.[0-9]+\\..*") && targets.contains(module(t.name()))).toList();
        assertThat(adapted.stream().map(t -> module(t.name())).collect(Collectors.toSet())).isEqualTo(targets);
        Path adapter = writeAdapter(folder, byHand, adapted, targets, prefix, ",\"task_type\":\"FEATURE_EXTRACTION\"");
        Path expected = write(byHand, "by-hand");
        try (MergedCheckpoint merged = MergedCheckpoint.open(checkpoint(name), List.of(MergeInput.of(adapter)), new MergeOptions(Optional.empty(), Set.of("base")))) {
            assertThat(merged.adaptedTensors()).hasSize(adapted.size());
            assertThat(Files.mismatch(write(merged, "merged"), expected)).isEqualTo(-1);
        }
        assertThat(Files.mismatch(write(checkpoint(name), "plain"), expected)).as("the adapter changes the file").isNotEqualTo(-1);
    }

    private MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    /** All but what the file says of its own name and origin. */
    private Path write(Checkpoint checkpoint, String name) {
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        GgufMetadata keys = new GgufMetadata();
        model.metadata().entries().forEach((key, value) -> {
            if (key.equals("general.architecture") || !key.startsWith("general.")) {
                keys.put(key, value);
            }
        });
        ConvertedModel nameless = new ConvertedModel(model.architecture(), model.tensors(), keys, model.tokenizer(), model.parameters(), model.notes());
        return GgufFiles.write(nameless, folder.resolve(name + ".gguf"), GgmlType.F32);
    }

    /** The last but one part of a weight's name. */
    private static String module(String tensor) {
        String[] parts = tensor.split("\\.");
        return tensor.endsWith(".weight") ? parts[parts.length - 2] : "";
    }

    /** Writes an adapter for the given weights and merges it into them. */
    static Path writeAdapter(Path folder, MemoryCheckpoint byHand, List<TensorInfo> weights, Set<String> targets) throws IOException {
        return writeAdapter(folder, byHand, weights, targets, "", "");
    }

    /**
     * The same.
     *
     * @param without prefix that the weights' names have and the adapter's have not
     * @param fields  further ones of adapter_config.json
     */
    private static Path writeAdapter(Path folder, MemoryCheckpoint byHand, List<TensorInfo> weights, Set<String> targets, String without, String fields) throws IOException {
        Random random = new Random(1);
        Map<TensorInfo, float[]> factors = new LinkedHashMap<>();
        for (TensorInfo weight : weights) {
            int out = Math.toIntExact(weight.shape().getFirst());
            int in = Math.toIntExact(weight.rowLength());
            float[] a = eighths(random, RANK * in);
            float[] b = eighths(random, out * RANK);
            float[] values = byHand.values(weight.name());
            for (int o = 0; o < out; o++) {
                for (int i = 0; i < in; i++) {
                    double delta = 0;
                    for (int r = 0; r < RANK; r++) {
                        delta += b[o * RANK + r] * a[r * in + i];
                    }
                    values[o * in + i] = (float) (values[o * in + i] + SCALE * delta);
                }
            }
            String module = weight.name().substring(without.length()).replaceAll("\\.weight$", "");
            factors.put(new TensorInfo(module + ".lora_A.weight", ElementType.F32, List.of((long) RANK, (long) in)), a);
            factors.put(new TensorInfo(module + ".lora_B.weight", ElementType.F32, List.of((long) out, (long) RANK)), b);
        }
        String names = targets.stream().map(target -> '"' + target + '"').collect(Collectors.joining(","));
        return TinyAdapter.write(folder, "\"r\":2,\"lora_alpha\":4,\"target_modules\":[" + names + "]" + fields, factors);
    }

    private static float[] eighths(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(9) - 4) / 8f;
        }
        return values;
    }
}
