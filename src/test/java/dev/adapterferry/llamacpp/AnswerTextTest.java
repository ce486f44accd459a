package dev.adapterferry.llamacpp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnswerTextTest {
    private final List<String> told = new ArrayList<>();

    @Test
    void holdsHalfACharacterBack() {
        AnswerText answer = new AnswerText(List.of(), told::add);
        byte[] ship = "a🚢b".getBytes(StandardCharsets.UTF_8);
        for (byte b : ship) {
            assertThat(answer.add(new byte[] {b})).isTrue();
        }
        assertThat(told).containsExactly("a", "🚢", "b");
        assertThat(answer.finish()).isEqualTo("a🚢b");
    }

    @Test
    void cutsAtTheEarliestStopText() {
        AnswerText answer = new AnswerText(List.of("END", "\n\n"), told::add);
        assertThat(add(answer, "one\n")).isTrue();
        assertThat(add(answer, "two E")).isTrue();
        assertThat(add(answer, "N\n\nD")).isFalse();
        assertThat(answer.finish()).isEqualTo("one\ntwo EN");
        assertThat(String.join("", told)).isEqualTo("one\ntwo EN");
    }

    @Test
    void tellsNothingOfAStopTextThatComesInPieces() {
        AnswerText answer = new AnswerText(List.of("<|end|>"), told::add);
        assertThat(add(answer, "hi<")).isTrue();
        assertThat(add(answer, "|end")).isTrue();
        assertThat(told).containsExactly("hi");
        assertThat(add(answer, "|>more")).isFalse();
        assertThat(answer.finish()).isEqualTo("hi");
        assertThat(told).containsExactly("hi");
    }

    @Test
    void tellsAtTheEndWhatOnlyLookedLikeAStopText() {
        AnswerText answer = new AnswerText(List.of("STOP"), told::add);
        add(answer, "ST");
        assertThat(told).isEmpty();
        assertThat(answer.finish()).isEqualTo("ST");
        assertThat(told).containsExactly("ST");
    }

    @Test
    void marksACharacterThatNeverCameWhole() {
        AnswerText answer = new AnswerText(List.of(), told::add);
        answer.add(new byte[] {'x', (byte) 0xF0, (byte) 0x9F});
        assertThat(told).containsExactly("x");
        assertThat(answer.finish()).isEqualTo("x\uFFFD");
    }

    private static boolean add(AnswerText answer, String text) {
        return answer.add(text.getBytes(StandardCharsets.UTF_8));
    }
}
