package dev.adapterferry.stage;

import dev.adapterferry.convert.ModelOutline;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.pass.PassOutput;
import dev.adapterferry.pass.PassRequest;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What the pass over a model will make and cost, known before the first byte is written: sizes are exact but for the vocabulary where
 * that is not here yet, times are measured rates multiplied.
 *
 * @param weights     weights of the model
 * @param sourceBytes bytes of base weights that are read
 * @param formats     files that are made
 * @param threads     threads that make them
 * @param computing   time of the kernels, by a calibration of this moment
 * @param moving      time to read and write, at {@link #ASSUMED_DISK_RATE}
 * @param passMemory  memory of the pass beside the vocabulary and the adapter
 * @param serving     memory to serve the primary format: its file and the cache of keys and values ({@link ModelOutline#cacheBytes},
 *                    {@link ModelOutline#embeddedCacheBytes})
 */
public record Forecast(long weights, long sourceBytes, List<Size> formats, int threads, Duration computing, Duration moving, long passMemory, long serving) {
    /** Bytes per second that a plain SSD reads and writes; assumed, not measured: measuring would write files. */
    public static final long ASSUMED_DISK_RATE = 500_000_000L;

    /**
     * One file.
     *
     * @param format its mix
     * @param bytes  its size
     */
    public record Size(String format, long bytes) { }

    /** Bytes of all files. */
    public long outputBytes() {
        return formats.stream().mapToLong(Size::bytes).sum();
    }

    /** The longer of the two: kernels and disk work at the same time. */
    public Duration pass() {
        return computing.compareTo(moving) > 0 ? computing : moving;
    }

    /**
     * Plans and calibrates.
     *
     * @param name     name of the files
     * @param outline  the model
     * @param metadata its keys, as complete as they are known
     * @param source   the base's tensors, for the bytes that are read
     * @param requests the formats
     * @param primary  format that is served
     * @param context  tokens of context that it is served with
     * @param embedded whether the embedded llama.cpp serves it
     * @param settings threads of the pass
     * @param kernels  time of the kernels for weights of several types
     */
    static Forecast of(String name, ModelOutline outline, GgufMetadata metadata, TensorSource source, List<TypeRequest> requests, String primary, int context, boolean embedded, PassSettings settings,
            Function<Map<GgmlType, Long>, Machine.Encoding> kernels) {
        PassRequest plan = QuantizeJob.plan(new QuantizeRequest(name, outline.tensors(), metadata, "forecast", List.of(), Path.of("."), requests, Optional.empty(), false));
        List<Size> sizes = plan.outputs().stream().map(output -> new Size(output.format(), output.plan().size())).toList();
        long read = source.tensors().stream().mapToLong(Forecast::bytes).sum();
        long written = sizes.stream().mapToLong(Size::bytes).sum();
        Machine.Encoding encoding = kernels.apply(encoded(plan));
        Duration computing = encoding.start().plus(encoding.oneThread().dividedBy(settings.threads()));
        Duration moving = Duration.ofMillis((read + written) * 1000 / ASSUMED_DISK_RATE);
        long served = sizes.stream().filter(size -> size.format().equals(primary)).findFirst().orElse(sizes.getFirst()).bytes();
        return new Forecast(outline.parameters(), read, sizes, settings.threads(), computing, moving, settings.bufferBytes(requests.size()), served + cache(outline, context, embedded));
    }

    /** A tensor that several files hold in one type is encoded once. */
    private static Map<GgmlType, Long> encoded(PassRequest plan) {
        Map<GgmlType, Long> weights = new TreeMap<>();
        Set<String> seen = new HashSet<>();
        for (PassOutput output : plan.outputs()) {
            for (GgufPlan.Tensor tensor : output.plan().tensors()) {
                if (seen.add(tensor.type() + " " + tensor.name())) {
                    weights.merge(tensor.type(), tensor.source().elements(), Long::sum);
                }
            }
        }
        return weights;
    }

    private static long bytes(TensorInfo tensor) {
        return tensor.type().bytesFor(tensor.rowLength()) * tensor.rows();
    }

    private static long cache(ModelOutline outline, int context, boolean embedded) {
        long tokens = context > 0 ? context : Math.min(outline.number("context_length"), GeneratingModel.USUAL_CONTEXT);
        return embedded ? outline.embeddedCacheBytes(tokens) : outline.cacheBytes(tokens);
    }
}
