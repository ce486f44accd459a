package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;

/**
 * Compares what was <em>written</em> with what should have been, on a sample of rows: a merged safetensors file, or a quantized GGUF
 * opened as a {@link TensorSource}. Two questions are asked of each tensor. Does every sampled element lie within the format's rounding
 * of {@code W + s·B·A}? And did the tensor move from the base along the delta by the right amount? The second still has an answer
 * where a format is coarser than the delta: over many elements the rounding averages out, the delta does not.
 */
public final class LandingCheck {
    private static final int MOST_ROWS = 256;

    private final TensorSource expected;
    private final TensorSource before;
    private final TensorSource written;
    private final boolean weighted;
    private final List<Long> always;
    private final int firstRows;

    /**
     * @param expected exact values under the names of what was written; {@link MergedCheckpoint#plain()}, converted or not
     * @param before   the base under the same names
     * @param written  what was written, read back
     * @param weighted  whether an importance matrix had a say in the writing
     * @param always    rows to look at in any case, where a tensor has so many: those that alone may have changed
     * @param firstRows rows to look at in each tensor beside them, at first
     */
    public LandingCheck(TensorSource expected, TensorSource before, TensorSource written, boolean weighted, List<Long> always, int firstRows) {
        this.expected = expected;
        this.before = before;
        this.written = written;
        this.weighted = weighted;
        this.always = always.stream().limit(MOST_ROWS).toList();
        this.firstRows = firstRows;
    }

    /**
     * Looks at some tensors, and where their rows do not tell whether the delta is there (a format coarser than the delta), at more of
     * their rows.
     *
     * @param file     what the report calls the output
     * @param names    tensors in what was written
     * @param sampling hears after each tensor
     */
    public MergeReport.Output check(String file, List<String> names, Runnable sampling) {
        for (int rows = firstRows; ; rows *= 8) {
            List<Sample> samples = new ArrayList<>();
            for (String name : names) {
                samples.add(check(name, rows));
                sampling.run();
            }
            MergeReport.Output output = new MergeReport.Output(file, samples);
            if (!output.landed() || output.tells() || rows >= MOST_ROWS) {
                return output;
            }
        }
    }

    /**
     * Looks at one tensor.
     *
     * @param name its name in what was written
     * @param rows rows to look at
     * @return what was found
     * @throws FerryException when the tensor is missing or has another shape
     */
    Sample check(String name, int rows) {
        TensorInfo exact = get(expected, name, "expected");
        TensorInfo kept = get(written, name, "written");
        if (exact.elements() != kept.elements() || exact.rowLength() != kept.rowLength()) {
            throw new FerryException("The adapter did not land: tensor '" + name + "' was written with shape " + kept.shape() + ", expected " + exact.shape() + ". Nothing is kept; please report this with the adapter's and the base's names.");
        }
        Optional<TensorInfo> old = before.find(name).filter(t -> t.elements() == exact.elements() && t.rowLength() == exact.rowLength());
        int length = Math.toIntExact(exact.rowLength());
        float[] should = new float[length];
        float[] is = new float[length];
        float[] was = new float[length];
        double[] bounds = new double[length];
        Sums sums = new Sums();
        LongStream drawn = new Random(name.hashCode()).longs(0, Math.max(1, exact.rows())).distinct().limit(Math.min(rows, exact.rows()));
        for (long row : LongStream.concat(drawn, always.stream().mapToLong(Long::longValue).filter(r -> r < exact.rows())).distinct().toArray()) {
            expected.read(exact, row, 1, should, 0);
            written.read(kept, row, 1, is, 0);
            old.ifPresent(tensor -> before.read(tensor, row, 1, was, 0));
            FormatRounding.bounds(kept.type(), weighted, should, bounds);
            sums.add(should, is, old.isPresent() ? was : should, bounds);
        }
        return sums.sample(name, kept.type().label());
    }

    private static TensorInfo get(TensorSource source, String name, String which) {
        return source.find(name).orElseThrow(() -> new FerryException("The adapter did not land: tensor '" + name + "' is not among the " + which + " ones. Nothing is kept; please report this with the adapter's and the base's names."));
    }

    /** Running sums over the sampled elements. */
    private static final class Sums {
        private long elements;
        private double worst;
        private double along;
        private double delta;
        private double noise;
        private double error;
        private double exact;
        private double lean;

        void add(float[] should, float[] is, float[] was, double[] bounds) {
            for (int i = 0; i < should.length; i++) {
                double off = Math.abs((double) is[i] - should[i]);
                // Not a number compares as worse than anything.
                worst = off == 0 || off <= bounds[i] * worst ? worst : bounds[i] == 0 || off != off ? Double.POSITIVE_INFINITY : off / bounds[i];
                double d = (double) should[i] - was[i];
                along += ((double) is[i] - was[i]) * d;
                delta += d * d;
                noise += off * off * d * d;
                error += off * off;
                exact += (double) should[i] * should[i];
                lean += should[i] * d;
            }
            elements += should.length;
        }

        Sample sample(String name, String format) {
            if (delta == 0) {
                return new Sample(name, format, elements, worst, null, 0, 0);
            }
            // A quantizer that minimises squared errors shortens its values by their relative squared error, and with them the part of the delta that lies along them.
            double shortening = exact == 0 ? 0 : error / exact * Math.abs(lean) / delta;
            return new Sample(name, format, elements, worst, along / delta, Math.sqrt(noise) / delta, shortening);
        }
    }
}
