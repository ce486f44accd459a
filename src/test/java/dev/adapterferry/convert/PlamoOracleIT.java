package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** llama.cpp gives, by vocabularies that we made of PLaMo's tokenizer.jsonl, the ids that the definition in {@code tokenization_plamo.py} gives by the file. */
class PlamoOracleIT {
    private static final PlamoTokens TOKENS = new PlamoTokens(String.join("\n", TokenizerOracle.corpus()), 3000);
    private static final int ROWS = 3328;

    @TempDir
    Path folder;

    @Test
    void theCutWithTheLargestSumOfScores() throws IOException {
        CurrentLlama.assume();
        TOKENS.write(folder);
        GgufMetadata metadata = converted();
        assertThat(metadata.findLong("tokenizer.ggml.bos_token_id")).contains(1L);
        assertThat(metadata.findLong("tokenizer.ggml.eot_token_id")).contains(4L);
        assertThat(metadata.find("tokenizer.ggml.add_bos_token").orElseThrow().value()).isEqualTo(true);
        Path file = folder.resolve("vocabulary.gguf");
        GgufWriter.create(file, GgufPlan.of(metadata, List.of(), t -> null)).close();
        VariedText varied = new VariedText(13, List.of());
        List<String> texts = new ArrayList<>(Stream.generate(varied::next).limit(TokenizerOracle.strings(2000)).toList());
        texts.addAll(List.of("it's \"}\" \\n \\\n\n\n\t\t\u0000\u007f", "\u2028\u3000\u00a0\ud83d\ude80\u0301", "<|plamo:op|>", "aaaaaaaa        bbbb"));
        int[][] found = CurrentLlama.tokenize(file, texts, false, false);
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("'%s'", texts.get(i)).isEqualTo(TOKENS.encode(texts.get(i)));
        }
        assertThat(Arrays.stream(found).flatMapToInt(Arrays::stream).filter(id -> !TOKENS.isByte(id)).distinct().count()).as("pieces that occur").isGreaterThan(700);
    }

    @Test
    void aLineThatIsNoTokenIsNamed() throws IOException {
        Files.writeString(folder.resolve("tokenizer.jsonl"), "[\"<|plamo:unk|>\", 0.0, \"UNKNOWN\"]\n[\"a\", -1.5]\n{\"b\": 3}\n");
        assertThatThrownBy(this::converted).isInstanceOf(FerryException.class).hasMessageContaining("line 3 of tokenizer.jsonl is '{\"b\": 3}'");
        Files.delete(folder.resolve("tokenizer.jsonl"));
        assertThatThrownBy(this::converted).isInstanceOf(FerryException.class).hasMessageContaining("nor tokenizer.jsonl");
    }

    private GgufMetadata converted() {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama");
        TokenizerConverter.Result result = new TokenizerConverter("tiny", name -> Optional.of(folder.resolve(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode())
                .write("plamo", ROWS, metadata);
        assertThat(result).isEqualTo(new TokenizerConverter.Result("plamo2", "default", ROWS, false));
        return metadata;
    }
}
