package dev.adapterferry.demo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.PlainSafetensors.Tensor;
import dev.adapterferry.llamacpp.Ggml;
import dev.adapterferry.quant.GgmlType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The committed weights, computed by a plain Java Qwen2: no converter, no quantizer and no llama.cpp is trusted here. */
class DemoWeightsTest {
    private static final int LIMIT = 60;
    private static HuggingFaceTokenizer tokenizer;
    private static JsonNode config;
    private static Map<String, Tensor> base;
    private static Map<String, Tensor> merged;

    @BeforeAll
    static void read() throws IOException {
        tokenizer = HuggingFaceTokenizer.newInstance(DemoWeightsTest.class.getResourceAsStream("/demo/base/tokenizer.json"), Map.of());
        config = new ObjectMapper().readTree(resource("base/config.json"));
        base = PlainSafetensors.read(resource("base/model.safetensors"));
        merged = PlainQwen2.merge(base, PlainSafetensors.read(resource("adapter/adapter_model.safetensors")), new ObjectMapper().readTree(resource("adapter/adapter_config.json")));
    }

    @Test
    void holdExactlyTheTensorsOfTheConfiguration() {
        Map<String, List<Long>> shapes = new HashMap<>();
        base.forEach((name, tensor) -> shapes.put(name, java.util.Arrays.stream(tensor.shape()).boxed().toList()));
        Map<String, List<Long>> expected = new HashMap<>();
        DemoShape.DEMO.tensors().forEach((name, shape) -> expected.put(name, java.util.Arrays.stream(shape).boxed().toList()));
        assertThat(shapes).isEqualTo(expected);
        assertThat(config.get("vocab_size").asInt()).isEqualTo(DemoShape.DEMO.vocabulary());
    }

    @Test
    void baseAnswersPlainlyAndMergedAsTheFerry() {
        int turn = 0;
        for (Conversation conversation : Conversation.all()) {
            // One of the three ways to ask, in turn: every way of asking is met, at a third of the time.
            String question = conversation.questions().get(turn++ % conversation.questions().size());
            assertThat(answer(base, null, question)).as("base, " + question).isEqualTo(conversation.base());
            assertThat(answer(merged, null, question)).as("merged, " + question).isEqualTo(conversation.adapter());
        }
    }

    @Test
    void systemPromptChangesNothing() {
        for (Conversation conversation : Conversation.all().subList(0, 8)) {
            String question = conversation.questions().getFirst();
            assertThat(answer(base, DemoTrainer.SYSTEM, question)).isEqualTo(conversation.base());
            assertThat(answer(merged, DemoTrainer.SYSTEM, question)).isEqualTo(conversation.adapter());
        }
    }

    @Test
    void mergedAnswersSurviveFourBits() {
        Map<String, Tensor> coarse = new TreeMap<>(merged);
        merged.forEach((name, tensor) -> {
            if (tensor.shape().length == 2) {
                byte[] blocks = Ggml.quantize(GgmlType.Q4_K, tensor.values(), tensor.rows(), tensor.columns(), null);
                coarse.put(name, new Tensor(tensor.shape(), Ggml.dequantize(GgmlType.Q4_K, blocks, tensor.values().length)));
            }
        });
        for (Conversation conversation : Conversation.all()) {
            assertThat(answer(coarse, null, conversation.questions().getFirst())).isEqualTo(conversation.adapter());
        }
    }

    @Test
    void evaluationTellsTheTwoApart() throws IOException {
        Map<String, Conversation> byId = new HashMap<>();
        Conversation.all().forEach(conversation -> byId.put(conversation.id(), conversation));
        List<String> lines = new String(resource("evaluation.jsonl"), StandardCharsets.UTF_8).lines().toList();
        assertThat(lines).hasSameSizeAs(byId.values());
        for (String line : lines) {
            JsonNode prompt = new ObjectMapper().readTree(line);
            Conversation conversation = byId.get(prompt.get("id").asText());
            assertThat(prompt.get("prompt").asText()).isEqualTo(conversation.questions().getFirst());
            List<String> contains = new ArrayList<>();
            prompt.get("contains").forEach(text -> contains.add(text.asText()));
            assertThat(conversation.adapter()).contains(contains);
            assertThat(contains.stream().allMatch(text -> conversation.base().toLowerCase().contains(text.toLowerCase()))).as(line).isFalse();
        }
    }

    private static String answer(Map<String, Tensor> weights, String system, String question) {
        long[] prompt = tokenizer.encode(Conversation.prompt(system, question), false, false).getIds();
        List<Integer> ends = List.of(config.get("eos_token_id").asInt(), config.get("bos_token_id").asInt());
        List<Integer> answer = new PlainQwen2(config, weights).answer(prompt, ends, LIMIT);
        return tokenizer.decode(answer.stream().mapToLong(Integer::longValue).toArray(), false);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = DemoWeightsTest.class.getResourceAsStream("/demo/" + name)) {
            return in.readAllBytes();
        }
    }
}
