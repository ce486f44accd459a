package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorInfo;
import java.lang.reflect.Array;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Keys and tensors of a GGUF file, as the tests' forward passes take them. */
final class GgufTensors {
    private final GgufFile file;
    private final GgufMetadata keys;
    private final String arch;

    GgufTensors(GgufFile file) {
        this.file = file;
        this.keys = file.metadata();
        this.arch = keys.findString("general.architecture").orElseThrow();
    }

    /** {@code general.architecture}. */
    String arch() {
        return arch;
    }

    /** A number or flag of the architecture's own group; of a list with a number per layer the largest. */
    double number(String key, double otherwise) {
        return numbers(arch + "." + key).stream().mapToDouble(v -> v).max().orElse(otherwise);
    }

    /** A number that may differ from layer to layer. */
    double number(String key, int layer, double otherwise) {
        List<Double> all = numbers(arch + "." + key);
        return all.isEmpty() ? otherwise : all.get(all.size() == 1 ? 0 : layer);
    }

    /** The numbers under a full key, flags as 1 and 0; empty when it is not there. */
    List<Double> numbers(String key) {
        Object value = keys.find(key).map(GgufMetadata.Value::value).orElse(List.of());
        Stream<?> values = value instanceof List<?> list ? list.stream()
                : value.getClass().isArray() ? IntStream.range(0, Array.getLength(value)).mapToObj(i -> Array.get(value, i)) : Stream.of(value);
        return values.map(v -> v instanceof Boolean flag ? flag ? 1.0 : 0.0 : ((Number) v).doubleValue()).toList();
    }

    /** A text of the architecture's own group; empty when it is not there. */
    String text(String key) {
        return keys.findString(arch + "." + key).orElse("");
    }

    /** The experts of a layer. */
    List<FeedForward> experts(String l) {
        return IntStream.range(0, (int) number("expert_count", 0)).mapToObj(e -> new FeedForward(expert(l + "ffn_gate_exps", e), expert(l + "ffn_up_exps", e), expert(l + "ffn_down_exps", e))).toList();
    }

    /** Gate, up and down under a suffix, for example {@code _shexp}. */
    FeedForward gated(String l, String suffix) {
        return new FeedForward(linear(l + "ffn_gate" + suffix), linear(l + "ffn_up" + suffix), linear(l + "ffn_down" + suffix));
    }

    boolean has(String name) {
        return find(name).isPresent();
    }

    Optional<TensorInfo> find(String name) {
        return file.find(name);
    }

    Linear linear(String name) {
        return new Linear(matrix(name + ".weight"), find(name + ".bias").map(this::vector).orElse(null));
    }

    /** One of the matrices of a stack of experts. */
    Linear expert(String name, int number) {
        double[][] all = matrix(name + ".weight");
        int rows = all.length / (int) number("expert_count", 1);
        double[] bias = find(name + ".bias").map(b -> matrix(name + ".bias")[number]).orElse(null);
        return new Linear(Arrays.copyOfRange(all, number * rows, (number + 1) * rows), bias);
    }

    Norm norm(String name) {
        return find(name + ".weight").map(this::vector).map(w -> new Norm(w, find(name + ".bias").map(this::vector).orElse(null))).orElse(null);
    }

    double[] vector(TensorInfo tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        file.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    double[][] matrix(String name) {
        TensorInfo tensor = find(name).orElseThrow(() -> new AssertionError("the file has no " + name));
        double[] all = vector(tensor);
        int length = Math.toIntExact(tensor.rowLength());
        return IntStream.range(0, all.length / length).mapToObj(r -> Arrays.copyOfRange(all, r * length, (r + 1) * length)).toArray(double[][]::new);
    }
}
