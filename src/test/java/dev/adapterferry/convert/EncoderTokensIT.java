package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Encoders with byte-level vocabularies: llama.cpp puts the tokens around a text that the model was trained with. */
class EncoderTokensIT {
    private static final String BYTE_LEVEL = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}";
    private static final String TEMPLATE = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"%1$s\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"%2$s\",\"type_id\":0}}],"
            + "\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"%1$s\":{\"id\":\"%1$s\",\"ids\":[%3$d],\"tokens\":[\"%1$s\"]},\"%2$s\":{\"id\":\"%2$s\",\"ids\":[%4$d],\"tokens\":[\"%2$s\"]}}}";
    private static final String ROBERTA = "{\"type\":\"RobertaProcessing\",\"cls\":[\"%1$s\",%3$d],\"sep\":[\"%2$s\",%4$d],\"trim_offsets\":true,\"add_prefix_space\":false}";

    @TempDir
    static Path folder;

    @BeforeAll
    static void needsIt() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @CsvSource({"modern-bert, false, [CLS], [SEP], cls, sep", "jina-code, true, <s>, </s>, bos, eos", "eurobert, false, <|begin_of_text|>, <|end_of_text|>, bos, eos"})
    void areThoseOfTheTokenizersLibrary(String name, boolean roberta, String first, String last, String firstKind, String lastKind) throws IOException {
        Path files = Files.createDirectories(folder.resolve(name));
        new ByteBpeTrainer(TinyTokenizers.CORPUS, 60).write(files, BYTE_LEVEL, "null", false, false, List.of(first, last));
        ObjectMapper json = new ObjectMapper();
        ObjectNode tokenizer = (ObjectNode) json.readTree(files.resolve("tokenizer.json").toFile());
        List<Integer> ids = List.of(first, last).stream().map(text -> tokenizer.path("added_tokens").valueStream().filter(token -> token.path("content").asText().equals(text)).findFirst().orElseThrow().path("id").asInt()).toList();
        tokenizer.set("post_processor", json.readTree((roberta ? ROBERTA : TEMPLATE).formatted(first, last, ids.getFirst(), ids.getLast())));
        json.writeValue(files.resolve("tokenizer.json").toFile(), tokenizer);
        Files.writeString(files.resolve("tokenizer_config.json"), "{\"" + firstKind + "_token\":\"" + first + "\",\"" + lastKind + "_token\":\"" + last + "\"}");
        TokenizerOracle.convert(files, "bpe", 384);
        List<String> texts = List.of("the ferry carries the adapter home", "def carry(adapter): return 12", "a  model, übers Wasser");
        int[][] found = CurrentLlama.tokenize(files.resolve("vocabulary.gguf"), texts, true, false);
        try (HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(files.resolve("tokenizer.json"))) {
            for (int i = 0; i < texts.size(); i++) {
                assertThat(found[i]).startsWith(ids.getFirst()).endsWith(ids.getLast()).isEqualTo(LongStream.of(reference.encode(texts.get(i)).getIds()).mapToInt(id -> (int) id).toArray());
            }
        }
    }
}
