package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The set that comes with the ferry: every condition holds for sensible answers and for nothing else. */
class GeneralSetTest {
    private static final List<Prompt> PROMPTS = PromptSet.read(Path.of("config/evaluation/general.jsonl"));

    static List<Prompt> prompts() {
        return PROMPTS;
    }

    private static JsonNode answers(String id) throws IOException {
        Map<String, JsonNode> all = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Path.of("src/test/resources/evaluation/general-answers.jsonl"))) {
            JsonNode node = new ObjectMapper().readTree(line);
            all.put(node.path("id").asText(), node);
        }
        assertThat(all.keySet()).as("every prompt has its answers").containsExactlyElementsOf(PROMPTS.stream().map(Prompt::id).toList());
        return all.get(id);
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void goodAnswersPassAndBadOnesDoNot(Prompt prompt) throws IOException {
        JsonNode answers = answers(prompt.id());
        assertThat(answers.path("good")).isNotEmpty().allSatisfy(answer -> assertThat(prompt.score(answer.asText())).as(prompt.id() + ": " + answer.asText()).isEqualTo(1));
        assertThat(answers.path("bad")).isNotEmpty().allSatisfy(answer -> assertThat(prompt.score(answer.asText())).as(prompt.id() + ": " + answer.asText()).isLessThan(1));
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void nobodyPassesByEchoOrSilence(Prompt prompt) {
        assertThat(prompt.score("")).isLessThan(1);
        assertThat(prompt.score(prompt.prompt())).as("the prompt itself").isLessThan(1);
        if (!prompt.category().equals("honesty")) {
            assertThat(prompt.score("I don't know.")).isLessThan(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "tain rs ou 7 ell Ġcap ight <0x0A> ow us pl ay", "\uFFFD\uFFFDqu\uFFFDä猫 λό слово nd", "the the the the the the the the the the the the", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
            "ing. es, er- 4 8 15 16 23 of and {} [] | - def ( return", "<|im_start|>assistant\n<|im_start|>assistant\n"})
    void garbledModelsFail(String gibberish) {
        double score = PROMPTS.stream().mapToDouble(prompt -> prompt.score(gibberish)).average().orElseThrow();
        assertThat(score).isLessThan(0.1);
    }

    @Test
    void variesInWhatItAsksAndHowItJudges() {
        assertThat(PROMPTS).hasSizeGreaterThanOrEqualTo(30);
        assertThat(PROMPTS.stream().map(Prompt::category).distinct()).hasSizeGreaterThanOrEqualTo(8);
        assertThat(PROMPTS.stream().flatMap(prompt -> prompt.checks().stream()).map(weighted -> weighted.check().getClass()).distinct()).hasSizeGreaterThanOrEqualTo(5);
        assertThat(PROMPTS.stream().map(Prompt::prompt).distinct()).hasSameSizeAs(PROMPTS);
    }
}
