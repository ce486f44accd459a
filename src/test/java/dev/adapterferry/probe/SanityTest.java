package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SanityTest {
    @ParameterizedTest
    @ValueSource(strings = {
            "", "4", "Yes.", "No, no, no, no!", "ha ha ha ha ha ha",
            "The mask was given to me by the happy salesman, who had it from a people long gone. It is said that it holds great power, and great evil.",
            "LDA #$00 loads zero into A.\nSTA $7E0010 stores it.\n\n----------------------------------------\n| a | b |\n| - | - |\n| 1 | 2 |\n| 3 | 4 |",
            "1. one\n2. two\n3. three\n4. four\n5. five\n6. six\n7. seven\n8. eight\n9. nine\n10. ten\n11. eleven\n12. twelve",
            "面具是快乐的面具商人给我的。他从一个早已消失的部落那里得到它。据说它拥有巨大的力量和巨大的邪恶，因此应当小心保管，不可随意佩戴。",
            "The Greek word λόγος, the Russian слово and the Hebrew דבר all mean 'word'.",
            "for (int i = 0; i < n; i++) { sum += a[i]; }\nfor (int j = 0; j < n; j++) { sum += b[j]; }\nreturn sum;",
            "Buffalo buffalo Buffalo buffalo buffalo buffalo Buffalo buffalo."})
    void healthyAnswersPass(String answer) {
        assertThat(Sanity.complaints(answer)).isEmpty();
    }

    @Test
    void aListOfTranslationsIsNoGarbage() {
        assertThat(Sanity.complaints("cat: gato, кошка, 猫, ねこ, 고양이, חתול, قطة, แมว, γάτα, კატა, बिल्ली")).isEmpty();
    }

    /** Answers in twenty languages, code, tables and formulas, written for this test. */
    @ParameterizedTest
    @MethodSource
    void healthyAnswersOfAllKindsPass(String kind, String text) {
        assertThat(Sanity.complaints(text)).as(kind).isEmpty();
    }

    static List<Arguments> healthyAnswersOfAllKindsPass() throws IOException {
        try (InputStream lines = SanityTest.class.getResourceAsStream("/probe/healthy-answers.jsonl")) {
            List<Arguments> all = new ArrayList<>();
            for (String line : new String(lines.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
                JsonNode answer = new ObjectMapper().readTree(line);
                all.add(Arguments.of(answer.path("kind").asText(), answer.path("text").asText()));
            }
            return all;
        }
    }

    @Test
    void findsLoopsOfWordsAndOfPhrases() {
        assertThat(Sanity.complaints("the ".repeat(40))).singleElement().asString().contains("circles").contains("word");
        assertThat(Sanity.complaints("The mask is old. " + "I am the mask of Majora and ".repeat(12))).anyMatch(complaint -> complaint.contains("same 7 words"));
        assertThat(Sanity.complaints("面具商人说".repeat(60))).anyMatch(complaint -> complaint.contains("circles"));
        assertThat(Sanity.complaints("a".repeat(50))).anyMatch(complaint -> complaint.contains("repeats 'a' 50 times"));
    }

    @Test
    void findsLeakedTokens() {
        assertThat(Sanity.complaints("I am Majora.<|im_end|>\n<|im_start|>user")).singleElement().asString().contains("<|im_end|>");
        assertThat(Sanity.complaints("IĠamĠMajoraĠtheĠmask")).singleElement().asString().contains("garbled");
        assertThat(Sanity.complaints("▁I▁am▁Majora▁the▁mask")).singleElement().asString().contains("garbled");
    }

    @Test
    void findsGarbledTokenizers() {
        assertThat(Sanity.complaints("\uFFFD\uFFFD a\uFFFD\uFFFD b")).anyMatch(complaint -> complaint.contains("undecodable"));
        assertThat(Sanity.complaints("wiѲnd Ѳеtа 猫 אבnן ไทย mañana ქაrთ")).anyMatch(complaint -> complaint.contains("writing system"));
    }
}
