package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.llamacpp.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Compares llama.cpp's tokenizer on our vocabulary with Hugging Face's tokenizers library on the original file. */
final class TokenizerOracle {
    private TokenizerOracle() { }

    /** Text to train on. */
    static List<String> corpus() {
        VariedText text = new VariedText(1, List.of());
        return Stream.generate(text::next).limit(400).toList();
    }

    /** Converts the tokenizer in a folder and leaves it there as {@code vocabulary.gguf}, without tensors. */
    static TokenizerConverter.Result convert(Path files, int rows) {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama");
        TokenizerConverter.Result result = new TokenizerConverter("tiny", name -> Optional.of(files.resolve(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode())
                .write("llama", rows, metadata);
        GgufWriter.create(files.resolve("vocabulary.gguf"), GgufPlan.of(metadata, List.of(), t -> null)).close();
        return result;
    }

    /** Requires equal ids for so many strings. */
    static void compare(Path files, VariedText texts, int strings) throws IOException {
        try (LoadedModel model = LoadedModel.openVocabulary(files.resolve("vocabulary.gguf")); HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(files.resolve("tokenizer.json"))) {
            List<String> different = new ArrayList<>();
            for (int i = 0; i < strings; i++) {
                String text = texts.next();
                long[] expected = reference.encode(text, false, false).getIds();
                long[] found = Arrays.stream(model.vocabulary().tokenize(text, false, true)).asLongStream().toArray();
                if (!Arrays.equals(found, expected)) {
                    different.add("'" + text + "'\n  llama.cpp " + Arrays.toString(found) + "\n  reference " + Arrays.toString(expected));
                }
            }
            assertThat(different.size()).as(() -> different.size() + " strings of " + strings + ", such as " + String.join("\n", different.subList(0, Math.min(3, different.size())))).isZero();
        }
    }
}
