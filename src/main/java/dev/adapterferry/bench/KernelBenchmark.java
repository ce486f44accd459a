package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.llamacpp.Ggml;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.RowKernel;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * How fast one thread quantizes: the vector kernel, its scalar twin and llama.cpp's own C, turn by turn in one process,
 * so that whatever else the machine does slows all three. Of several turns the fastest counts. Every byte is compared.
 */
public final class KernelBenchmark {
    /** What the vector kernels are to reach, in multiples of llama.cpp's C. */
    private static final Map<GgmlType, Double> TARGETS = Map.of(GgmlType.Q4_K, 8.0, GgmlType.Q5_K, 8.0, GgmlType.Q6_K, 6.0, GgmlType.Q8_0, 2.5,
            GgmlType.Q2_K, 3.0, GgmlType.Q3_K, 3.0, GgmlType.IQ4_NL, 3.0, GgmlType.IQ4_XS, 3.0);

    /**
     * What to measure.
     *
     * @param types       formats that the embedded llama.cpp knows
     * @param importance  whether to quantize under an importance matrix
     * @param weights     number of weights, rounded up to whole rows of 4096
     * @param turns       turns of each contestant
     * @param turnSeconds how long a turn lasts at least; the vector kernel warms up for twenty times as long
     */
    public record Options(Set<GgmlType> types, boolean importance, int weights, int turns, double turnSeconds) {
        private static final int ROW_LENGTH = 4096;

        int rows() {
            return Math.max(1, (weights + ROW_LENGTH - 1) / ROW_LENGTH);
        }
    }

    /**
     * One contestant.
     *
     * @param rate millions of weights a second
     * @param rmse root mean square of the difference between the weights and what its blocks decode to
     */
    public record Speed(double rate, double rmse) { }

    /**
     * One format.
     *
     * @param type      the format
     * @param vector    the vector kernel
     * @param scalar    its scalar twin
     * @param c         llama.cpp's {@code ggml_quantize_chunk}
     * @param identical share of blocks in which all three have the same bytes
     */
    public record Row(GgmlType type, Speed vector, Speed scalar, Speed c, double identical) {
        /** How many times faster than llama.cpp's C the vector kernel is. */
        public double ratio() {
            return vector.rate / c.rate;
        }
    }

    private final Options options;
    private final PrintStream out;

    /**
     * @param options what to measure
     * @param out     receives the table
     */
    public KernelBenchmark(Options options, PrintStream out) {
        this.options = options;
        this.out = out;
    }

    /** All formats that have a kernel here and in the embedded llama.cpp. */
    public static Set<GgmlType> defaultTypes() {
        Set<GgmlType> types = EnumSet.copyOf(Kernels.types());
        types.remove(GgmlType.MXFP4);
        types.remove(GgmlType.F32);
        return types;
    }

    /**
     * Measures.
     *
     * @return a row per format
     */
    public List<Row> run() {
        Random random = new Random(1);
        float[] x = new float[options.rows() * Options.ROW_LENGTH];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian() * 0.02f;
        }
        float[] importance = null;
        if (options.importance()) {
            importance = new float[Options.ROW_LENGTH];
            for (int i = 0; i < importance.length; i++) {
                importance[i] = (float) Math.exp(random.nextGaussian());
            }
        }
        out.printf(Locale.ROOT, "%,d normally distributed weights%s, one thread, million weights per second, %s%n%n", x.length,
                options.importance() ? ", importance matrix" : "", System.getProperty("java.vm.version"));
        out.println("| format | vector | scalar | llama.cpp C | vector / C | target | RMSE vector | RMSE scalar | RMSE C | identical blocks |");
        out.println("|---|---|---|---|---|---|---|---|---|---|");
        List<Row> rows = new ArrayList<>();
        for (GgmlType type : options.types()) {
            Row row = measure(type, x, importance);
            print(row);
            rows.add(row);
        }
        return rows;
    }

    private Row measure(GgmlType type, float[] x, float[] importance) {
        int size = Math.toIntExact(type.bytesFor(x.length));
        byte[] vectorBytes = new byte[size];
        byte[] scalarBytes = new byte[size];
        RowKernel vector = Kernels.vector(type);
        RowKernel scalar = Kernels.scalar(type);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
            MemorySegment weights = importance == null ? MemorySegment.NULL : arena.allocateFrom(ValueLayout.JAVA_FLOAT, importance);
            MemorySegment blocks = arena.allocate(size, 64);
            Runnable runVector = () -> vector.encode(x, 0, options.rows(), Options.ROW_LENGTH, importance, 0, vectorBytes, 0);
            Runnable runScalar = () -> scalar.encode(x, 0, options.rows(), Options.ROW_LENGTH, importance, 0, scalarBytes, 0);
            Runnable runC = () -> Ggml.quantize(type, source, blocks, options.rows(), Options.ROW_LENGTH, weights);
            turn(runVector, 20 * options.turnSeconds());
            turn(runScalar, 5 * options.turnSeconds());
            double fastVector = Double.MAX_VALUE;
            double fastScalar = Double.MAX_VALUE;
            double fastC = Double.MAX_VALUE;
            for (int i = 0; i < options.turns(); i++) {
                fastC = Math.min(fastC, turn(runC, options.turnSeconds()));
                fastVector = Math.min(fastVector, turn(runVector, options.turnSeconds()));
                fastScalar = Math.min(fastScalar, turn(runScalar, options.turnSeconds()));
            }
            byte[] cBytes = blocks.toArray(ValueLayout.JAVA_BYTE);
            return new Row(type, speed(scalar, x, fastVector, vectorBytes), speed(scalar, x, fastScalar, scalarBytes), speed(scalar, x, fastC, cBytes),
                    identical(type, vectorBytes, scalarBytes, cBytes));
        }
    }

    /** Runs again and again for at least that long, at least once; returns the seconds of the fastest run. */
    private static double turn(Runnable work, double seconds) {
        long begin = System.nanoTime();
        long fastest = Long.MAX_VALUE;
        long end;
        do {
            long start = System.nanoTime();
            work.run();
            end = System.nanoTime();
            fastest = Math.min(fastest, end - start);
        } while ((end - begin) / 1e9 < seconds);
        return fastest / 1e9;
    }

    private static Speed speed(RowKernel reader, float[] x, double seconds, byte[] bytes) {
        float[] y = new float[x.length];
        reader.decode(bytes, 0, y.length, y, 0);
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            double difference = (double) x[i] - y[i];
            sum += difference * difference;
        }
        return new Speed(x.length / seconds / 1e6, Math.sqrt(sum / x.length));
    }

    private static double identical(GgmlType type, byte[] a, byte[] b, byte[] c) {
        int block = type.blockBytes();
        int same = 0;
        for (int at = 0; at < a.length; at += block) {
            if (Arrays.equals(a, at, at + block, b, at, at + block) && Arrays.equals(a, at, at + block, c, at, at + block)) {
                same++;
            }
        }
        return (double) same * block / a.length;
    }

    private void print(Row row) {
        Double target = TARGETS.get(row.type());
        out.printf(Locale.ROOT, "| %s | %.1f | %.1f | %.1f | %.1f | %s | %.3e | %.3e | %.3e | %.2f%% |%n", row.type(), row.vector().rate(), row.scalar().rate(), row.c().rate(), row.ratio(),
                target == null ? "" : String.format(Locale.ROOT, "%.1f", target), row.vector().rmse(), row.scalar().rmse(), row.c().rmse(), 100 * row.identical());
    }

    /**
     * The numbers for a file.
     *
     * @param rows what {@link #run} gave
     */
    public ObjectNode json(List<Row> rows) {
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("weights", options.rows() * Options.ROW_LENGTH).put("importance", options.importance())
                .put("java", System.getProperty("java.vm.version")).put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        ArrayNode formats = root.putArray("formats");
        for (Row row : rows) {
            ObjectNode format = formats.addObject().put("format", row.type().label());
            put(format, "vector", row.vector());
            put(format, "scalar", row.scalar());
            put(format, "llamaCppC", row.c());
            format.put("ratio", row.ratio()).put("identicalBlocks", row.identical());
            if (TARGETS.containsKey(row.type())) {
                format.put("target", TARGETS.get(row.type()));
            }
        }
        return root;
    }

    private static void put(ObjectNode format, String name, Speed speed) {
        format.putObject(name).put("millionWeightsPerSecond", speed.rate()).put("rmse", speed.rmse());
    }
}
