package dev.adapterferry.llamacpp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlamaContextTest {
    @TempDir
    private static Path folder;
    private static Path file;

    @BeforeAll
    static void writeModel() throws IOException {
        file = folder.resolve("tiny.gguf");
        TinyGguf.write(file, 7, "{{ messages }}");
    }

    @Test
    void describesTheFile() {
        try (LoadedModel model = LoadedModel.open(file)) {
            assertThat(model.vocabulary().size()).isEqualTo(TinyGguf.VOCABULARY);
            assertThat(model.layers()).isEqualTo(2);
            assertThat(model.embeddingLength()).isEqualTo(64);
            assertThat(model.trainedContext()).isEqualTo(256);
            assertThat(model.description()).contains("llama");
            assertThat(model.metadata("general.name")).contains("tiny");
            assertThat(model.metadata("no.such.key")).isEmpty();
            assertThat(model.chatTemplate()).contains("{{ messages }}");
            assertThat(model.vocabulary().eos()).hasValue(TinyGguf.TURN_END);
            assertThat(model.vocabulary().bos()).hasValue(TinyGguf.END_OF_TEXT);
            assertThat(model.vocabulary().endsGeneration(TinyGguf.TURN_END)).isTrue();
            assertThat(model.vocabulary().endsGeneration('a')).isFalse();
        }
    }

    @Test
    void tokenizesWithVocabularyAlone() {
        try (LoadedModel model = LoadedModel.openVocabulary(file)) {
            Vocabulary vocabulary = model.vocabulary();
            assertThat(vocabulary.tokenize("hello", false, false)).containsExactly(TinyGguf.MERGED_HELL, 'o');
            assertThat(vocabulary.tokenize("<|im_start|>he", false, true)).containsExactly(TinyGguf.TURN_BEGIN, TinyGguf.MERGED_HE);
            assertThat(vocabulary.tokenize("<|im_start|>he", false, false)).hasSizeGreaterThan(2);
            assertThat(vocabulary.tokenize("", false, false)).isEmpty();
            String text = "Grüße, 🚢 hello\n";
            assertThat(vocabulary.detokenize(vocabulary.tokenize(text, false, false), false)).isEqualTo(text);
            assertThat(vocabulary.detokenize(new int[] {TinyGguf.TURN_END}, true)).isEqualTo("<|im_end|>");
            assertThat(vocabulary.detokenize(new int[] {TinyGguf.TURN_END}, false)).isEmpty();
            assertThatThrownBy(() -> vocabulary.bytes(TinyGguf.VOCABULARY, true)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void answersTheSameTokenByTokenAndAtOnce() {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = new LlamaContext(model, 64, 1)) {
            int[] tokens = model.vocabulary().tokenize("hello there", false, false);
            float[][] atOnce = context.decodeAll(tokens);
            context.clear();
            for (int i = 0; i < tokens.length; i++) {
                float[] one = context.decode(tokens[i]);
                assertThat(one).hasSize(TinyGguf.VOCABULARY);
                for (int token = 0; token < one.length; token++) {
                    assertThat(one[token]).isCloseTo(atOnce[i][token], within(0.02f));
                }
            }
            assertThat(context.position()).isEqualTo(tokens.length);
            assertThat(atOnce[0]).isNotEqualTo(atOnce[1]);
        }
    }

    @Test
    void sumsLikelihoodFromLogits() {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = new LlamaContext(model, 64, 1)) {
            int[] tokens = model.vocabulary().tokenize("the hell", false, false);
            float[][] logits = context.decodeAll(Arrays.copyOf(tokens, tokens.length - 1));
            double expected = 0;
            for (int i = 0; i + 1 < tokens.length; i++) {
                double sum = 0;
                for (float logit : logits[i]) {
                    sum += Math.exp(logit);
                }
                expected -= Math.log(Math.exp(logits[i][tokens[i + 1]]) / sum);
            }
            expected /= tokens.length - 1;
            assertThat(context.meanNegativeLogLikelihood(tokens)).isCloseTo(expected, within(1e-3));
            assertThat(expected).isGreaterThan(1);
        }
    }

    @Test
    void refusesMoreThanFits() {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = new LlamaContext(model, 32, 1)) {
            int[] many = new int[context.size() + 1];
            assertThatThrownBy(() -> context.decode(many)).isInstanceOf(FerryException.class).hasMessageContaining("larger context length");
            assertThatThrownBy(() -> context.decode(-1)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("token -1");
        }
    }

    @Test
    void tellsWhyAFileIsRefused() throws IOException {
        Path text = Files.writeString(folder.resolve("text.gguf"), "This is no model.");
        assertThatThrownBy(() -> LoadedModel.open(text)).isInstanceOf(MalformedFile.class).hasMessageContaining("text.gguf");
        byte[] whole = Files.readAllBytes(file);
        Path cut = Files.write(folder.resolve("cut.gguf"), Arrays.copyOf(whole, whole.length - 20_000));
        assertThatThrownBy(() -> LoadedModel.open(cut)).isInstanceOf(MalformedFile.class).hasMessageContaining("cut.gguf");
        assertThatThrownBy(() -> LoadedModel.open(folder.resolve("absent.gguf"))).isInstanceOf(FerryException.class).hasMessageContaining("no such readable file");
    }

    @Test
    void passesOnWhyLlamaCppRefuses() throws IOException {
        Path foreign = patched("foreign.gguf", "llama", "llamb");
        assertThatThrownBy(() -> LoadedModel.open(foreign)).isInstanceOf(FerryException.class).hasMessageContaining("foreign.gguf into llama.cpp b4916: unknown model architecture: 'llamb'");
    }

    @Test
    void saysThatATypeIsNewerThanTheEmbeddedBuild() throws IOException {
        Path newer = folder.resolve("newer.gguf");
        TensorInfo experts = new TensorInfo("blk.0.ffn_up_exps.weight", GgmlType.MXFP4, List.of(2L, 2L, 32L));
        try (GgufWriter writer = GgufWriter.create(newer, GgufPlan.of(new GgufMetadata().putString("general.architecture", "gpt-oss"), List.of(experts), tensor -> GgmlType.MXFP4))) {
            writer.write(0, 0, ByteBuffer.allocate(4 * 17));
        }
        assertThatThrownBy(() -> LoadedModel.open(newer)).isInstanceOf(FerryException.class).hasMessageContaining("'blk.0.ffn_up_exps.weight' is MXFP4, which is newer than this build")
                .hasMessageContaining("LM Studio");
    }

    @Test
    void refusesATokenThatOccursTwiceBecauseLlamaCppWouldEndTheProcess() throws IOException {
        // Length and text of the tokens a and b, one after the other: the second becomes the first.
        String one = "\u0001\0\0\0\0\0\0\0";
        Path twice = patched("twice.gguf", one + "a" + one + "b", one + "a" + one + "a");
        assertThatThrownBy(() -> LoadedModel.open(twice)).isInstanceOf(MalformedFile.class).hasMessageContaining("token 98, 'a', is the same as an earlier one");
    }

    /** The model file with the first occurrence of a text replaced by one of the same length. */
    private static Path patched(String name, String text, String by) throws IOException {
        String bytes = new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1);
        return Files.write(folder.resolve(name), bytes.replaceFirst(java.util.regex.Pattern.quote(text), by).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    }

    @Test
    void refusesUseAfterClosing() {
        LoadedModel model = LoadedModel.open(file);
        LlamaContext context = new LlamaContext(model, 32, 1);
        context.close();
        context.close();
        assertThatThrownBy(() -> context.decode('a')).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        model.close();
        model.close();
        assertThatThrownBy(model::layers).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
    }
}
