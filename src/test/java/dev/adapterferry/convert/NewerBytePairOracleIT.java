package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** As {@link BytePairOracleIT}, for pre-tokenizers that came to llama.cpp after the embedded build: in a current one. */
class NewerBytePairOracleIT {
    private static final List<String> ADDED = List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "[TOOL]");
    private static final Set<String> IGNORE_MERGES = Set.of("minicpm5", "youtu", "tekken");
    /** Merges across words, blanks and digits, as no real vocabulary has them: wherever llama.cpp cuts differently, the ids differ. */
    private static final ByteBpeTrainer TRAINED = new ByteBpeTrainer(
            Pattern.compile("(?s).{1,12}").matcher(String.join("", TokenizerOracle.corpus())).results().map(MatchResult::group).toList(), 500);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"qwen35", "seed-coder", "bailingmoe", "minicpm5", "exaone-moe", "tiny_aya", "jais-2", "chameleon", "superbpe", "youtu", "laguna", "ufakzeka"})
    void cutsInTheSamePlaces(String pre) throws IOException {
        CurrentLlama.assume();
        TRAINED.write(folder, Definitions.of(pre), "null", true, IGNORE_MERGES.contains(pre), ADDED);
        assertThat(TokenizerOracle.convert(folder, TRAINED.size() + ADDED.size()).pre()).isEqualTo(pre);
        VariedText texts = VariedText.brief(7, ADDED, text -> llamaCppAgrees(pre, text));
        TokenizerOracle.compareCurrent(folder, Stream.generate(texts::next).limit(TokenizerOracle.strings(200)).toList());
    }

    private static String llamaCppAgrees(String pre, String text) {
        return switch (pre) {
            // Words are cut before a capital by the expression alone; digits in threes are not cut where a letter follows, and only those of ASCII count; blanks before a digit are one piece.
            case "tiny_aya" -> text.replaceAll("(?<=\\p{L})[\\p{Lu}\\p{Lt}]+|\\p{N}(?=[\\p{L}\\p{N}_])|(?=[^0-9])\\p{N}|(?<=[\\p{L}_])\\p{N}", "").replaceAll("\\s+(?=\\p{N})", " ");
            case "youtu" -> text.replaceAll("(?<=\\p{L})[\\p{Lu}\\p{Lt}]+", "");
            case "superbpe" -> text.replaceAll("(?=[^0-9])\\p{N}", "");
            default -> text;
        };
    }

    /** What the page on architectures says that llama.cpp does otherwise, it still does; should it stop, the page is to be changed. */
    @ParameterizedTest
    @CsvSource({"gpt-4o, \u0928\u092E\u0938\u094D\u0924\u0947", "tekken, \u0928\u092E\u0938\u094D\u0924\u0947", "tiny_aya, iPhone", "tiny_aya, 12345don't", "youtu, iPhone", "superbpe, \uFF12\uFF10\uFF12\uFF16\uFB01"})
    void whatIsDoneOtherwise(String pre, String text) throws IOException {
        CurrentLlama.assume();
        TRAINED.write(folder, Definitions.of(pre), "null", true, IGNORE_MERGES.contains(pre), ADDED);
        TokenizerOracle.convert(folder, TRAINED.size() + ADDED.size());
        assertThatThrownBy(() -> TokenizerOracle.compareCurrent(folder, List.of(text))).isInstanceOf(AssertionError.class).hasMessageContaining("1 strings of 1, such as '" + text + "'");
    }
}
