package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.tensor.TensorInfo;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Tensors of a checkpoint under their own names, as the tests' forward passes take them. */
final class CheckpointTensors {
    /** Where models that see keep their text part. */
    private static final List<String> PREFIXES = List.of("", "language_model.", "llm.", "thinker.", "model.language_model.", "model.text_model.");

    private final MemoryCheckpoint checkpoint;

    CheckpointTensors(MemoryCheckpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    boolean has(String tensor) {
        return values(tensor) != null;
    }

    private float[] values(String tensor) {
        return checkpoint.values(stored(tensor));
    }

    private String stored(String tensor) {
        // Phi-4-multimodal wraps its layers in adapters and keeps their weights below.
        return Stream.of(tensor, tensor.replaceFirst("\\.weight$", ".base_layer.weight")).flatMap(this::places).filter(name -> checkpoint.values(name) != null).findFirst().orElse(tensor);
    }

    private Stream<String> places(String tensor) {
        // A model that was saved without its head has names without the class around both.
        Stream<String> bare = checkpoint.values("embed_tokens.weight") == null ? Stream.empty() : Stream.of(tensor.replaceFirst("^model\\.", ""));
        return Stream.concat(PREFIXES.stream().map(prefix -> prefix.startsWith("model.") ? tensor.replaceFirst("^model\\.", prefix) : prefix + tensor), bare);
    }

    Linear linear(String name) {
        return new Linear(matrix(name), has(name + ".bias") ? vector(name + ".bias") : null);
    }

    /** A layer that stores a row per input and computes {@code x @ W + b}. */
    Linear inputsFirst(String name) {
        return new Linear(turned(name + ".weight"), vector(name + ".bias"));
    }

    /** A matrix that is stored with a row per input, with one per output. */
    double[][] turned(String tensor) {
        double[][] stored = rows(tensor, 0, Math.toIntExact(info(tensor).shape().getFirst()));
        double[][] weight = new double[stored[0].length][stored.length];
        for (int o = 0; o < weight.length; o++) {
            for (int i = 0; i < stored.length; i++) {
                weight[o][i] = stored[i][o];
            }
        }
        return weight;
    }

    double[][] matrix(String name) {
        return rows(name + ".weight", 0, Math.toIntExact(info(name + ".weight").shape().getFirst()));
    }

    /** A matrix that is no weight by its name. */
    double[][] parameter(String tensor) {
        return rows(tensor, 0, Math.toIntExact(info(tensor).shape().getFirst()));
    }

    /** One of several matrices of a tensor. */
    double[][] slab(String tensor, int number) {
        int count = Math.toIntExact(info(tensor).shape().get(1));
        return rows(tensor, number * count, count);
    }

    /** One row of a matrix that is no weight, such as the biases of one expert. */
    double[] slabRow(String tensor, int number) {
        return rows(tensor, number, 1)[0];
    }

    /** Some of a tensor's rows. */
    double[][] rows(String tensor, int first, int count) {
        float[] all = values(tensor);
        int length = Math.toIntExact(info(tensor).rowLength());
        double[][] rows = new double[count][length];
        for (int r = 0; r < count; r++) {
            for (int c = 0; c < length; c++) {
                rows[r][c] = all[(first + r) * length + c];
            }
        }
        return rows;
    }

    private TensorInfo info(String tensor) {
        return checkpoint.tensors().find(stored(tensor)).orElseThrow();
    }

    double[] vector(String tensor) {
        float[] values = values(tensor);
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    /** A feed-forward; without a gate where the checkpoint has none. */
    FeedForward gated(String prefix) {
        return new FeedForward(has(prefix + "gate_proj.weight") ? linear(prefix + "gate_proj") : null, linear(prefix + "up_proj"), linear(prefix + "down_proj"));
    }
}
