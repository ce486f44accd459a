package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
            // conditions | answer | score
            "\"contains\":\"Majora\" | I am majora. | 1",
            "\"contains\":[\"Majora\",\"mask\"] | I am Majora. | 0.5",
            "\"contains\":\"Majora\",\"case_sensitive\":true | I am majora. | 0",
            "\"any_of\":[\"yes\",\"no\"] | No way. | 1",
            "\"any_of\":[\"yes\",\"no\"] | Maybe. | 0",
            "\"regex\":\"^\\\\d{4}-\\\\d{2}$\" | 2026-08 | 1",
            "\"regex\":\"^\\\\d{4}-\\\\d{2}$\" | in 2026-08 | 0",
            "\"exact\":\"Paris\" | ~ paris ~ | 1",
            "\"exact\":\"Paris\",\"case_sensitive\":true | paris | 0",
            "\"exact\":\"Paris\" | It is Paris | 0",
            "\"numeric\":42 | 17 + 25 = 42. | 1",
            "\"numeric\":42 | 42 is not 43 | 0",
            "\"numeric\":1234567.5 | about 1,234,567.5 km | 1",
            "\"numeric\":-3 | It is \u22123. | 1",
            "\"numeric\":3.14,\"tolerance\":0.01 | 3.1416 | 1",
            "\"numeric\":3.14 | 3.1416 | 0",
            "\"numeric\":3 | three | 0",
            "\"json_schema\":{\"type\":\"object\",\"required\":[\"name\"]} | {\"name\":\"x\"} | 1",
            "\"json_schema\":{\"type\":\"object\",\"required\":[\"name\"]} | ```json {\"name\":\"x\"} ``` | 1",
            "\"json_schema\":{\"type\":\"object\",\"required\":[\"name\"]} | {\"title\":\"x\"} | 0",
            "\"json_schema\":{\"type\":\"object\"} | {\"a\":1} and so on | 0",
            "\"json_schema\":{\"type\":\"object\"} | none | 0",
            "\"contains\":\"a\",\"numeric\":1 | a 2 | 0.5"})
    void scoresAnAnswer(String conditions, String answer, double score) throws IOException {
        assertThat(one("{\"prompt\":\"?\"," + conditions + "}").score(answer)).isEqualTo(score);
    }

    @Test
    void understandsTheOlderSuites() throws IOException {
        Prompt both = one("{\"id\":\"a1\",\"category\":\"code\",\"difficulty\":\"hard\",\"question\":\"?\",\"expected_features\":[\"loads\",\"zero\"],\"expected_answer\":\"LDA/STA\"}");
        assertThat(both.id()).isEqualTo("a1");
        assertThat(both.category()).isEqualTo("code");
        assertThat(both.score("It loads zero: LDA/STA")).isEqualTo(1);
        assertThat(both.score("It loads zero")).isEqualTo(0.5 / 0.8);
        assertThat(both.score("LDA it is")).isEqualTo(0.15 / 0.8);
        assertThat(both.score("[It loads zero: LDA/STA]")).isEqualTo(1);
        // A question with features alone could once never be right, and an empty list divided by zero.
        assertThat(one("{\"prompt\":\"?\",\"expected_features\":[\"x\"]}").score("x")).isEqualTo(1);
        assertThat(one("{\"prompt\":\"?\",\"expected_features\":[],\"expected_answer\":\"x\"}").score("x")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "{\"prompt\":\"?\"}", "{\"contains\":\"x\"}", "{\"prompt\":\"?\",\"contians\":\"x\"}", "{\"prompt\":\"?\",\"contains\":[]}", "{\"prompt\":\"?\",\"contains\":\"x\",\"weight\":0}",
            "{\"prompt\":\"?\",\"regex\":\"(\"}", "{\"prompt\":\"?\",\"numeric\":\"many\"}", "{\"prompt\":\"?\",\"expected_features\":[]}", "{\"prompt\":", "[1]", "\"x\""})
    void refusesALineThatIsNoPromptNamingFileAndLine(String line) throws IOException {
        Path file = Files.writeString(directory.resolve("broken.jsonl"), "# a set\n\n" + line + "\n");
        assertThatThrownBy(() -> PromptSet.read(file)).isInstanceOf(FerryException.class).hasMessageContaining("broken.jsonl, line 3");
    }

    @Test
    void namesPromptsByFileAndLineAndRefusesAnIdTwice() throws IOException {
        Path first = Files.writeString(directory.resolve("first.jsonl"), "{\"prompt\":\"?\",\"contains\":\"x\"}\n{\"id\":\"b\",\"prompt\":\"?\",\"contains\":\"x\"}\n");
        Path second = Files.writeString(directory.resolve("second.jsonl"), "{\"prompt\":\"?\",\"contains\":\"x\"}\n");
        assertThat(PromptSet.read(List.of(first, second))).extracting(Prompt::id).containsExactly("first:1", "b", "second:1");
        Path third = Files.writeString(directory.resolve("third.jsonl"), "{\"id\":\"b\",\"prompt\":\"?\",\"contains\":\"x\"}\n");
        assertThatThrownBy(() -> PromptSet.read(List.of(first, third))).isInstanceOf(FerryException.class).hasMessageContaining("both use the id 'b'");
        assertThatThrownBy(() -> PromptSet.read(Files.writeString(third, "# nothing\n"))).isInstanceOf(FerryException.class).hasMessageContaining("holds no prompt");
    }

    private Prompt one(String line) throws IOException {
        return PromptSet.read(Files.writeString(directory.resolve("one.jsonl"), line + "\n")).getFirst();
    }
}
