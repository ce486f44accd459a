package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.Optional;
import java.util.Random;

/**
 * Compares what was <em>written</em> with what should have been, on a sample of rows: a merged safetensors file, or a quantized GGUF
 * opened as a {@link TensorSource}. Two questions are asked of each tensor. Does every sampled element lie within the format's rounding
 * of {@code W + s·B·A}? And did the tensor move from the base along the delta by the right amount? The second still has an answer
 * where a format is coarser than the delta: over many elements the rounding averages out, the delta does not.
 */
public final class LandingCheck {
    private final TensorSource expected;
    private final TensorSource before;
    private final TensorSource written;
    private final int rows;
    private final long seed;

    /**
     * @param expected exact values under the names of what was written; {@link MergedCheckpoint#plain()}, converted or not
     * @param before   the base under the same names
     * @param written  what was written, read back
     * @param rows     rows to look at in each tensor
     * @param seed     chooses the rows
     */
    public LandingCheck(TensorSource expected, TensorSource before, TensorSource written, int rows, long seed) {
        this.expected = expected;
        this.before = before;
        this.written = written;
        this.rows = rows;
        this.seed = seed;
    }

    /**
     * What was found in one tensor.
     *
     * @param tensor   its name
     * @param format   how it is kept
     * @param elements number of sampled elements
     * @param worst    largest error, in units of the format's rounding: up to 1 is right
     * @param moved    how far it moved along the delta: 1 is right, 0 is the base; null where no delta was expected in the sample
     * @param noise    standard error of {@code moved} from the format's rounding
     */
    public record Sample(String tensor, String format, long elements, double worst, Double moved, double noise) {
        /** Whether the tensor is as it should be. */
        public boolean landed() {
            // Five standard errors: rounding alone does not get there in any number of tensors that a model has.
            return worst <= 1 && (moved == null || Math.abs(moved - 1) <= 0.01 + 5 * noise);
        }

        /**
         * Fails unless the tensor is as it should be.
         *
         * @throws FerryException naming the tensor and what was found
         */
        public void requireLanded() {
            if (!landed()) {
                throw new FerryException("The adapter did not land: tensor '" + tensor + "', kept as " + format + ", "
                        + (worst <= 1 ? "moved by " + "%.3f".formatted(moved) + " of the delta that was expected." : "differs from W + s·B·A by "
                        + "%.1f".formatted(worst) + " times the format's rounding."));
            }
        }
    }

    /**
     * Looks at one tensor.
     *
     * @param name its name in what was written
     * @return what was found
     * @throws FerryException when the tensor is missing or has another shape
     */
    public Sample check(String name) {
        TensorInfo exact = get(expected, name, "expected");
        TensorInfo kept = get(written, name, "written");
        if (exact.elements() != kept.elements() || exact.rowLength() != kept.rowLength()) {
            throw new FerryException("The adapter did not land: tensor '" + name + "' was written with shape " + kept.shape() + ", expected " + exact.shape() + ".");
        }
        Optional<TensorInfo> old = before.find(name).filter(t -> t.elements() == exact.elements() && t.rowLength() == exact.rowLength());
        int length = Math.toIntExact(exact.rowLength());
        float[] should = new float[length];
        float[] is = new float[length];
        float[] was = new float[length];
        double[] bounds = new double[length];
        Sums sums = new Sums();
        for (long row : new Random(seed ^ name.hashCode()).longs(0, Math.max(1, exact.rows())).distinct().limit(Math.min(rows, exact.rows())).toArray()) {
            expected.read(exact, row, 1, should, 0);
            written.read(kept, row, 1, is, 0);
            old.ifPresent(tensor -> before.read(tensor, row, 1, was, 0));
            FormatRounding.bounds(kept.type(), should, bounds);
            sums.add(should, is, old.isPresent() ? was : should, bounds);
        }
        return sums.sample(name, kept.type().label());
    }

    private static TensorInfo get(TensorSource source, String name, String which) {
        return source.find(name).orElseThrow(() -> new FerryException("The adapter did not land: tensor '" + name + "' is not among the " + which + " ones."));
    }

    /** Running sums over the sampled elements. */
    private static final class Sums {
        private long elements;
        private double worst;
        private double along;
        private double delta;
        private double noise;

        void add(float[] should, float[] is, float[] was, double[] bounds) {
            for (int i = 0; i < should.length; i++) {
                double off = Math.abs((double) is[i] - should[i]);
                // Not a number compares as worse than anything.
                worst = off == 0 || off <= bounds[i] * worst ? worst : bounds[i] == 0 || off != off ? Double.POSITIVE_INFINITY : off / bounds[i];
                double d = (double) should[i] - was[i];
                along += ((double) is[i] - was[i]) * d;
                delta += d * d;
                noise += off * off * d * d;
            }
            elements += should.length;
        }

        LandingCheck.Sample sample(String name, String format) {
            return new Sample(name, format, elements, worst, delta == 0 ? null : along / delta, delta == 0 ? 0 : Math.sqrt(noise) / delta);
        }
    }
}
