package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.EmbeddingContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Embedding models: llama.cpp makes of the file the vectors that the model's definition makes of the checkpoint, token by token and pooled. */
class EmbeddingsIT {
    private static final double BOUND = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"qwen2-embedding", "bert", "bert-masked", "roberta", "xlm-roberta", "camembert", "nomic-bert", "distilbert", "jina-bert-v2", "jina-bert-v2-code"})
    void everyTokenHasTheVectorThatTheDefinitionGives(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        double[][] found = each(write(checkpoint, name));
        assertThat(difference(found, states(checkpoint))).isLessThan(BOUND);
        if (EncoderReference.isEncoder(checkpoint)) {
            assertThat(difference(found, EncoderReference.states(checkpoint, false, TOKENS))).as("llama.cpp takes GELU by its approximation").isLessThan(5 * BOUND);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bert", "xlm-roberta", "nomic-bert", "nomic-bert-moe", "distilbert", "jina-bert-v2", "jina-bert-v2-code", "modern-bert", "modern-bert-masked", "eurobert", "neo-bert", "xlm-roberta-flash", "jina-bert-v3"})
    void inACurrentBuildToo(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        double[][] found = eachCurrently(new ModelConverter().convert(checkpoint, Provenance.NONE), name);
        assertThat(difference(found, states(checkpoint))).isLessThan(BOUND);
        if (!name.equals("nomic-bert-moe")) {
            assertThat(difference(found, EncoderReference.states(checkpoint, false, TOKENS))).as("llama.cpp takes GELU by its approximation").isLessThan(5 * BOUND);
        }
    }

    @ParameterizedTest
    @CsvSource({"modern-bert, attn_qkv.weight, swap-halves", "modern-bert, ffn_up.weight, swap-halves", "eurobert, attn_q.weight, swap-halves", "neo-bert, attn_qkv.weight, swap-halves", "jina-bert-v2-code, ffn_up.weight, swap-halves"})
    void aWrongTransformShowsInACurrentBuild(String name, String tensor, String damage) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        ConvertedModel bad = DamagedTensors.in(new ModelConverter().convert(checkpoint, Provenance.NONE), tensor, damage);
        assertThat(difference(eachCurrently(bad, name + "-" + damage), states(checkpoint))).isGreaterThan(5 * BOUND);
    }

    /** The file without its pooling: a row for each token. */
    private static double[][] eachCurrently(ConvertedModel model, String name) {
        model.metadata().putUint32(model.architecture() + ".pooling_type", 0);
        Path file = GgufFiles.write(model, folder.resolve(name + "-each.gguf"), GgmlType.F32);
        return Arrays.stream(CurrentLlama.embeddings(file, TOKENS)).map(EmbeddingsIT::doubles).toArray(double[][]::new);
    }

    @ParameterizedTest
    @CsvSource({"bert, attn_q.weight, swap-halves", "bert, attn_output_norm.weight, minus-one", "nomic-bert, attn_qkv.weight, swap-halves", "roberta, token_embd_norm.bias, minus-one"})
    void aWrongTransformShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        ConvertedModel bad = DamagedTensors.in(new ModelConverter().convert(checkpoint, Provenance.NONE), tensor, damage);
        Path file = GgufFiles.write(bad, folder.resolve(name + "-" + damage + ".gguf"), GgmlType.F32);
        assertThat(difference(each(file), states(checkpoint))).isGreaterThan(5 * BOUND);
    }

    /** In the embedded build, which pools nothing itself, and in a current one, which pools as the file says. */
    @ParameterizedTest
    @CsvSource({"qwen2-embedding, lasttoken, true", "qwen2-embedding, mean_tokens, true", "bert, cls_token, true", "xlm-roberta, mean_tokens, true", "nomic-bert, mean_tokens, true", "t5encoder, mean_tokens, false", "t5encoder, cls_token, false", "umt5encoder, lasttoken, false", "umt5encoder, mean_tokens, false", "qwen2-embedding-ahead, lasttoken, false", "qwen3-embedding, lasttoken, false",
            "gemma-embedding, mean_tokens, false"})
    void theVectorsOfATextBecomeOneAsTheCheckpointSays(String name, String mode, boolean embedded) throws IOException {
        Path files = PooledFolder.write(folder.resolve(name + "-" + mode), TinyTokenizers.folder().resolve(TinyModels.tokenizer(name)), mode);
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, files, ElementType.F32);
        Path file = write(checkpoint, name + "-" + mode);
        double[][] expected = {pooled(states(checkpoint), mode)};
        if (embedded) {
            assertThat(difference(new double[][] {pooled(file)}, expected)).as("embedded").isLessThan(BOUND);
        }
        CurrentLlama.assume();
        float[][] found = CurrentLlama.embeddings(file, TOKENS);
        assertThat(Arrays.stream(found).skip(1)).as("one vector for the text").containsOnlyNulls();
        assertThat(difference(new double[][] {doubles(found[0])}, expected)).as("current").isLessThan(BOUND);
    }

    @Test
    void theLayersBehindThePoolingAreThoseOfSentenceTransformers() throws IOException {
        CurrentLlama.assume();
        Path files = PooledFolder.write(folder.resolve("dense"), TinyTokenizers.folder().resolve("spm"), "mean_tokens", "2_Dense", "3_Dense", "4_Normalize");
        double[][] second = PooledFolder.dense(files.resolve("2_Dense"), 64, 96, "torch.nn.modules.linear.Identity");
        double[][] third = PooledFolder.dense(files.resolve("3_Dense"), 96, 64, "torch.nn.modules.linear.Identity");
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("gemma-embedding", files, ElementType.F32);
        double[] expected = Arithmetic.times(new Decoder.Linear(third, null), Arithmetic.times(new Decoder.Linear(second, null), pooled(states(checkpoint), "mean_tokens")));
        assertThat(difference(new double[][] {doubles(CurrentLlama.embeddings(write(checkpoint, "dense"), TOKENS)[0])}, new double[][] {expected})).isLessThan(BOUND);
    }

    @Test
    void theEmbeddedBuildIsNotAskedForWhatItComputesOtherwise() {
        Path file = write(TinyModels.checkpoint("qwen2-embedding-ahead", ElementType.F32), "ahead");
        assertThatThrownBy(() -> each(file)).hasMessageContaining("its tokens see those behind them").hasMessageContaining("LM Studio");
    }

    private static Path write(MemoryCheckpoint checkpoint, String name) {
        return GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F32);
    }

    private static double[][] states(MemoryCheckpoint checkpoint) {
        return EncoderReference.states(checkpoint, true, TOKENS);
    }

    private static double[] pooled(double[][] states, String mode) {
        return switch (mode) {
            case "cls_token" -> states[0];
            case "lasttoken" -> states[states.length - 1];
            default -> IntStream.range(0, states[0].length).mapToDouble(i -> Arrays.stream(states).mapToDouble(row -> row[i]).average().orElseThrow()).toArray();
        };
    }

    private static double[][] each(Path file) {
        try (LoadedModel model = LoadedModel.open(file); EmbeddingContext context = new EmbeddingContext(model, 64, 2)) {
            return Arrays.stream(context.each(TOKENS)).map(EmbeddingsIT::doubles).toArray(double[][]::new);
        }
    }

    private static double[] pooled(Path file) {
        try (LoadedModel model = LoadedModel.open(file); EmbeddingContext context = new EmbeddingContext(model, 64, 2)) {
            return doubles(context.pooled(TOKENS));
        }
    }

    private static double[] doubles(float[] row) {
        return IntStream.range(0, row.length).mapToDouble(i -> row[i]).toArray();
    }
}
