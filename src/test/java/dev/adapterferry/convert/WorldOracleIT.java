package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.llamacpp.LoadedModel;
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

/** llama.cpp cuts text by our RWKV vocabularies as their definition does: by the longest token that fits, byte by byte, across characters. */
class WorldOracleIT {
    private static final WorldVocabulary WORLD = new WorldVocabulary(String.join("\n", TokenizerOracle.corpus()), 2000);
    private static final int ROWS = 2560;

    @TempDir
    Path folder;

    @Test
    void theLongestTokenThatFits() throws IOException {
        WORLD.write(folder);
        Path file = vocabulary();
        VariedText varied = new VariedText(13, List.of());
        List<String> texts = new ArrayList<>(Stream.generate(varied::next).limit(TokenizerOracle.strings(2000)).toList());
        texts.addAll(List.of("it's \"}\" '\" \\n \\\n\n\n\t\t\u0000\u007f", "\u2028\u3000\u00a0\ud83d\ude80\u0301", ""));
        try (LoadedModel model = LoadedModel.openVocabulary(file)) {
            compare(texts, texts.parallelStream().map(text -> model.vocabulary().tokenize(text, false, false)).toArray(int[][]::new));
        }
        CurrentLlama.assume();
        compare(texts, CurrentLlama.tokenize(file, texts, false, false));
    }

    /** As Hugging Face's tokenizers of these models do with their only special token. */
    @Test
    void idNoughtIsTheSpecialTokenThatTokenizerConfigNames() throws IOException {
        WORLD.write(folder);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"added_tokens_decoder\":{\"0\":{\"content\":\"<|rwkv_tokenizer_end_of_text|>\",\"special\":true}}}");
        try (LoadedModel model = LoadedModel.openVocabulary(vocabulary())) {
            assertThat(model.vocabulary().tokenize("<|rwkv_tokenizer_end_of_text|>User: hi", false, true)).startsWith(0).endsWith(WORLD.encode("User: hi"));
        }
    }

    private Path vocabulary() {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama");
        TokenizerConverter.Result result = new TokenizerConverter("tiny", name -> Optional.of(folder.resolve(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode())
                .write("rwkv", ROWS, metadata);
        assertThat(result).isEqualTo(new TokenizerConverter.Result("rwkv", "default", ROWS, true));
        Path file = folder.resolve("vocabulary.gguf");
        GgufWriter.create(file, GgufPlan.of(metadata, List.of(), t -> null)).close();
        return file;
    }

    private static void compare(List<String> texts, int[][] found) {
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("'%s'", texts.get(i)).isEqualTo(WORLD.encode(texts.get(i)));
        }
        assertThat(Arrays.stream(found).flatMapToInt(Arrays::stream).filter(id -> id > 256).distinct().count()).as("tokens of more than one byte that occur").isGreaterThan(200);
    }
}
