package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
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
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Compares llama.cpp's tokenizer on our vocabulary with Hugging Face's tokenizers library on the original file. */
final class TokenizerOracle {
    private TokenizerOracle() { }

    /** How many strings are compared: so many in every build, and as many as {@code -Dferry.oracle.strings} says where somebody asks for more. */
    static int strings(int inEveryBuild) {
        return Integer.getInteger("ferry.oracle.strings", inEveryBuild);
    }

    /** Text to train on. */
    static List<String> corpus() {
        VariedText text = new VariedText(1, List.of());
        return Stream.generate(text::next).limit(400).toList();
    }

    /** Converts the tokenizer in a folder and leaves it there as {@code vocabulary.gguf}, without tensors. */
    static TokenizerConverter.Result convert(Path files, int rows) {
        return convert(files, "llama", rows);
    }

    /** The same for a kind of tokenizer. */
    static TokenizerConverter.Result convert(Path files, String kind, int rows) {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama");
        TokenizerConverter.Result result = new TokenizerConverter("tiny", name -> Optional.of(files.resolve(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode())
                .write(kind, rows, metadata);
        GgufWriter.create(files.resolve("vocabulary.gguf"), GgufPlan.of(metadata, List.of(), t -> null)).close();
        return result;
    }

    /** Requires equal ids for so many strings. */
    static void compare(Path files, VariedText texts, int strings) throws IOException {
        compare(files, files.resolve("tokenizer.json"), Stream.generate(texts::next).limit(strings).toList());
    }

    /** Requires of {@code vocabulary.gguf} in a folder, for each text, the ids that a tokenizer.json gives. */
    static void compare(Path files, Path tokenizer, List<String> texts) throws IOException {
        List<String> different = differences(files, tokenizer, texts);
        assertThat(different.size()).as(() -> different.size() + " strings of " + texts.size() + ", such as " + String.join("\n", different.subList(0, Math.min(3, different.size())))).isZero();
    }

    /** Requires of {@code vocabulary.gguf} in a folder, in a current llama.cpp, the ids that the tokenizer.json beside it gives. */
    static void compareCurrent(Path files, List<String> texts) throws IOException {
        int[][] found = CurrentLlama.tokenize(files.resolve("vocabulary.gguf"), texts, false, true);
        try (HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(files.resolve("tokenizer.json"))) {
            List<String> different = IntStream.range(0, texts.size()).parallel().mapToObj(i -> difference(texts.get(i), found[i], reference)).filter(difference -> !difference.isEmpty()).toList();
            assertThat(different.size()).as(() -> different.size() + " strings of " + texts.size() + ", such as " + String.join("\n", different.subList(0, Math.min(6, different.size())))).isZero();
        }
    }

    /** Requires of {@code vocabulary.gguf} in a folder, in both builds, the ids that a tokenizer.json gives with the special tokens around a text. */
    static void compareWhole(Path files, Path tokenizer, List<String> texts) throws IOException {
        int[][] found = CurrentLlama.tokenize(files.resolve("vocabulary.gguf"), texts, true, true);
        try (LoadedModel model = LoadedModel.openVocabulary(files.resolve("vocabulary.gguf")); HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(tokenizer)) {
            List<String> different = IntStream.range(0, texts.size()).parallel().boxed()
                    .flatMap(i -> Stream.of(difference(texts.get(i), found[i], reference, true), difference(texts.get(i), model.vocabulary().tokenize(texts.get(i), true, true), reference, true)))
                    .filter(difference -> !difference.isEmpty()).toList();
            assertThat(different.size()).as(() -> different.size() + " of " + texts.size() + " strings in two builds, such as " + String.join("\n", different.subList(0, Math.min(6, different.size())))).isZero();
        }
    }

    private static String difference(String text, int[] ids, HuggingFaceTokenizer reference) {
        return difference(text, ids, reference, false);
    }

    private static String difference(String text, int[] ids, HuggingFaceTokenizer reference, boolean whole) {
        long[] expected = reference.encode(text, whole, false).getIds();
        long[] found = Arrays.stream(ids).asLongStream().toArray();
        return Arrays.equals(found, expected) ? "" : "'" + text + "'\n  llama.cpp " + Arrays.toString(found) + "\n  reference " + Arrays.toString(expected);
    }

    /** What is not the same. Both tokenizers are asked by several threads; neither keeps anything between two texts. */
    static List<String> differences(Path files, Path tokenizer, List<String> texts) throws IOException {
        try (LoadedModel model = LoadedModel.openVocabulary(files.resolve("vocabulary.gguf")); HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(tokenizer)) {
            return texts.parallelStream().map(text -> difference(text, model.vocabulary().tokenize(text, false, true), reference)).filter(difference -> !difference.isEmpty()).toList();
        }
    }
}
