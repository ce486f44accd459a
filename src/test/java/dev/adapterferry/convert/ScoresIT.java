package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Classifiers and rerankers: llama.cpp makes of the file the scores that transformers' classes make of the checkpoint. */
class ScoresIT {
    private static final double BOUND = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @BeforeAll
    static void needsIt() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @CsvSource({"bert-classifier, calm swell storm", "roberta-classifier, calm swell storm", "xlm-roberta-reranker, LABEL_0", "jina-reranker-v2, LABEL_0", "modern-bert-reranker, LABEL_0", "neo-bert-classifier, calm swell storm", "qwen3-classifier, calm swell storm", "qwen3-reranker-head, yes no"})
    void areThoseOfTheDefinition(String name, String labels) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        assertThat(model.metadata().findStrings(model.architecture() + ".classifier.output_labels")).contains(List.of(labels.split(" ")));
        assertThat(model.metadata().findLong(model.architecture() + ".pooling_type")).contains(4L);
        assertThat(difference(new double[][] {found(model, name)}, new double[][] {expected(checkpoint, TOKENS)})).isLessThan(BOUND);
    }

    @Test
    void aHeadThatIsNotThereShows() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("bert-classifier", ElementType.F32);
        ConvertedModel bad = DamagedTensors.in(new ModelConverter().convert(checkpoint, Provenance.NONE), "cls.weight", "swap-halves");
        assertThat(difference(new double[][] {found(bad, "bad")}, new double[][] {expected(checkpoint, TOKENS)})).isGreaterThan(5 * BOUND);
    }

    /** Recognised by its name, and by what sentence-transformers writes beside it; with a head of its own, and with the embedding for one. */
    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void ofQwen3RerankerAreTheSharesOfItsAnswers(boolean named, boolean tied) throws IOException {
        Path files = answering(folder.resolve("answers-" + named + tied));
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("qwen3", files, ElementType.F32);
        int yes = 300;
        int no = 301;
        if (named) {
            checkpoint.rawConfig().put("_name_or_path", "Qwen/Qwen3-Reranker-0.6B");
            ObjectNode tokenizer = (ObjectNode) new ObjectMapper().readTree(files.resolve("tokenizer.json").toFile());
            yes = tokenizer.at("/model/vocab/yes").asInt();
            no = tokenizer.at("/model/vocab/no").asInt();
        } else {
            Files.writeString(files.resolve("modules.json"), "[{\"path\":\"\",\"type\":\"sentence_transformers.base.modules.transformer.Transformer\"},"
                    + "{\"path\":\"1_LogitScore\",\"type\":\"sentence_transformers.cross_encoder.modules.logit_score.LogitScore\"}]");
            Files.writeString(Files.createDirectories(files.resolve("1_LogitScore")).resolve("config.json"), "{\"true_token_id\":300,\"false_token_id\":301}");
        }
        if (!tied) {
            checkpoint.rawConfig().put("tie_word_embeddings", false);
            checkpoint.add("lm_head.weight", 0, TinyModels.ROWS, TinyModels.WIDTH);
        }
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        assertThat(model.metadata().findStrings("qwen3.classifier.output_labels")).contains(List.of("yes", "no"));
        assertThat(model.metadata().findString("tokenizer.chat_template.rerank").orElseThrow()).contains("<Query>: {query}", "<Document>: {document}");
        assertThat(model.tensors().find("output.weight")).isEmpty();
        assertThat(model.notes()).anySatisfy(note -> assertThat(note).contains("yes and no"));
        double[] last = CheckpointDecoder.of(checkpoint).logits(TOKENS)[TOKENS.length - 1];
        double[] shares = {last[yes], last[no]};
        Arithmetic.softmax(shares);
        assertThat(difference(new double[][] {found(model, "answers-" + named + tied)}, new double[][] {shares})).isLessThan(BOUND);
    }

    @Test
    void aHeadOfOtherLabelsThanConfigJsonSaysIsRefused() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("bert-classifier", ElementType.F32);
        checkpoint.rawConfig().remove("id2label");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("3 rows").hasMessageContaining("2 labels");
    }

    @Test
    void modernBertsThatLookAtTheFirstTokenAreRefused() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("modern-bert-reranker", ElementType.F32);
        checkpoint.rawConfig().remove("classifier_pooling");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("classifier_pooling");
    }

    private static double[] found(ConvertedModel model, String name) {
        float[] row = CurrentLlama.embeddings(GgufFiles.write(model, folder.resolve(name + ".gguf"), GgmlType.F32), TOKENS)[0];
        return IntStream.range(0, row.length).mapToDouble(i -> row[i]).toArray();
    }

    /** A folder whose tokenizer knows yes and no. */
    private static Path answering(Path files) throws IOException {
        Files.createDirectories(files);
        try (Stream<Path> tiny = Files.list(TinyTokenizers.folder().resolve("bpe"))) {
            for (Path file : tiny.toList()) {
                Files.copy(file, files.resolve(file.getFileName()));
            }
        }
        ObjectMapper json = new ObjectMapper();
        ObjectNode tokenizer = (ObjectNode) json.readTree(files.resolve("tokenizer.json").toFile());
        ObjectNode vocabulary = (ObjectNode) tokenizer.at("/model/vocab");
        int free = Stream.concat(vocabulary.valueStream(), tokenizer.path("added_tokens").valueStream().map(token -> token.path("id"))).mapToInt(id -> id.asInt()).max().orElseThrow() + 1;
        vocabulary.put("yes", free).put("no", free + 1);
        json.writeValue(files.resolve("tokenizer.json").toFile(), tokenizer);
        return files;
    }

    /** The heads of transformers' classes over the tokens' vectors. */
    static double[] expected(MemoryCheckpoint checkpoint, int... tokens) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        double[][] states = EncoderReference.states(checkpoint, true, tokens);
        return switch (checkpoint.rawConfig().at("/architectures/0").asText()) {
            case "BertForSequenceClassification" -> Arithmetic.times(stored.linear("classifier"), tanh(Arithmetic.times(stored.linear("bert.pooler.dense"), states[0])));
            case "ModernBertForSequenceClassification" -> {
                double[] mean = IntStream.range(0, 64).mapToDouble(i -> Arrays.stream(states).mapToDouble(row -> row[i]).average().orElseThrow()).toArray();
                double[] inner = Arrays.stream(Arithmetic.times(stored.linear("head.dense"), mean)).map(Arithmetic::tableGelu).toArray();
                yield Arithmetic.times(stored.linear("classifier"), Arithmetic.layerNorm(inner, new Norm(stored.vector("head.norm.weight"), null), 1e-5));
            }
            case "NeoBERTForSequenceClassification" -> Arithmetic.times(stored.linear("classifier"), tanh(Arithmetic.times(stored.linear("dense"), states[0])));
            case "Qwen3ForSequenceClassification" -> {
                double[] scores = Arithmetic.times(new Linear(stored.matrix("score"), null), states[states.length - 1]);
                double[] shares = scores.length > 1 ? scores : new double[] {scores[0], 0};
                Arithmetic.softmax(shares);
                yield shares;
            }
            default -> Arithmetic.times(stored.linear("classifier.out_proj"), tanh(Arithmetic.times(stored.linear("classifier.dense"), states[0])));
        };
    }

    private static double[] tanh(double... x) {
        return Arrays.stream(x).map(Math::tanh).toArray();
    }
}
