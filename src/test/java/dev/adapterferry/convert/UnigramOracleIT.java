package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Both builds of llama.cpp cut text by the vocabularies of T5 and XLM-RoBERTa as Hugging Face's tokenizers library does, compiled normalization and special tokens included. */
class UnigramOracleIT {
    private static final String T5 = "{\"tokenizer_class\":\"T5Tokenizer\",\"eos_token\":\"</s>\",\"unk_token\":\"<unk>\",\"pad_token\":\"<pad>\",\"extra_ids\":100}";
    private static final String XLM_ROBERTA = "{\"tokenizer_class\":\"XLMRobertaTokenizer\",\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"unk_token\":\"<unk>\",\"pad_token\":\"<pad>\",\"mask_token\":\"<mask>\","
            + "\"cls_token\":\"<s>\",\"sep_token\":\"</s>\"}";

    private static final CompiledCharacters CHARACTERS = CompiledCharacters.nmtNfkc();
    private static PieceFiles made;

    @TempDir
    Path folder;

    @BeforeAll
    static void train() {
        CurrentLlama.assume();
        made = new PieceFiles(new UnigramTrainer(TokenizerOracle.corpus().stream().map(CHARACTERS::apply).toList()).scores(), CHARACTERS.bytes());
    }

    /**
     * The reference looks rules up for what one sees as a character, takes the shortest that fits and drops the rest; SentencePiece, with which the models were trained, and
     * llama.cpp take the longest and go on behind it. That is seen where a mark follows something that becomes something else, or a second mark a letter that has its first one composed.
     */
    private static String apart(String text) {
        StringBuilder kept = new StringBuilder();
        int before = 'a';
        for (int c : text.replace("a\u0308\u0323", "a\u0308").codePoints().toArray()) {
            String previous = Character.toString(before);
            if (Character.getType(c) != Character.NON_SPACING_MARK || CHARACTERS.apply(previous).equals(previous)) {
                kept.appendCodePoint(c);
            }
            before = c;
        }
        return kept.toString();
    }

    /** From tokenizer.json in its older and newer form, and from SentencePiece's model alone. */
    @ParameterizedTest
    @CsvSource({"true, false, 3000", "true, true, 500", "false, true, 500"})
    void idsOfT5(boolean older, boolean json, int strings) throws IOException {
        Path reference = Files.createDirectories(folder.resolve("reference"));
        made.t5Json(reference, older);
        made.t5Model(folder);
        compare(reference, json, T5, "t5", made.t5Size(), List.of("</s>", "<extra_id_0>", "<extra_id_99>"), strings);
    }

    /** The model's ids are not those of the file of pieces, whose tokens for unknown ones, begin and end are others. */
    @ParameterizedTest
    @CsvSource({"true, false, 3000", "true, true, 500", "false, true, 500"})
    void idsOfXlmRoberta(boolean older, boolean json, int strings) throws IOException {
        Path reference = Files.createDirectories(folder.resolve("reference"));
        made.xlmRobertaJson(reference, older);
        made.xlmRobertaModel(folder);
        compare(reference, json, XLM_ROBERTA, "unigram", made.xlmRobertaSize(), List.of("<s>", "</s>"), strings);
    }

    /** As transformers saves T5 since its version 5: without the compiled normalization, cut at blanks of any kind. */
    @Test
    void idsOfT5WithoutNormalization() throws IOException {
        made.t5Json(folder, true);
        Path file = folder.resolve("tokenizer.json");
        ObjectNode json = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        Files.writeString(file, json.putNull("normalizer").toString());
        Files.writeString(folder.resolve("tokenizer_config.json"), T5);
        TokenizerOracle.convert(folder, "t5", made.t5Size());
        TokenizerOracle.compareWhole(folder, file, Stream.generate(new VariedText(7, List.of("</s>", "<extra_id_0>"))::next).limit(TokenizerOracle.strings(2000)).toList());
    }

    private void compare(Path reference, boolean json, String config, String kind, int size, List<String> specials, int strings) throws IOException {
        if (json) {
            Files.copy(reference.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        }
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        assertThat(TokenizerOracle.convert(folder, kind, size).model()).isEqualTo("t5");
        List<String> texts = Stream.generate(VariedText.changed(7, specials, UnigramOracleIT::apart)::next).limit(TokenizerOracle.strings(strings)).toList();
        TokenizerOracle.compareWhole(folder, reference.resolve("tokenizer.json"), texts);
    }
}
