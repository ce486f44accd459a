package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link CodebookSearch} for as many groups at once as two vectors have lanes. The nearest level is found by comparing
 * with the midpoints between levels: these are multiples of 1/2, and around them the distances that the scalar code
 * compares are exact, so both decide alike. Not thread-safe: it holds the state of one search.
 */
final class CodebookLanes {
    private static final int N = 32;
    private static final int EPSILON = Float.floatToRawIntBits(Rounding.GROUP_EPSILON);

    /** Values and weights to fill in, value i of column c at {@code i * COLUMNS + c}. */
    final float[] x = new float[N * COLUMNS];
    /** Weights to fill in, unless they are x^2. */
    final float[] w = new float[N * COLUMNS];
    /** The scale per column. */
    final float[] scale = new float[COLUMNS];

    private final boolean ownWeights;
    private final float[] max = new float[COLUMNS];
    private final float[] best = new float[COLUMNS];
    private final float[] inverse = new float[COLUMNS];
    private final float[] sumLX = new float[COLUMNS];
    private final float[] sumLL = new float[COLUMNS];

    /** @param ownWeights whether weights will be filled in; x^2 otherwise */
    CodebookLanes(boolean ownWeights) {
        this.ownWeights = ownWeights;
    }

    void search() {
        float lowest = CodebookSearch.level(0);
        survey(0);
        survey(COUNT);
        firstInverse(lowest, 0);
        firstInverse(lowest, COUNT);
        sums(0);
        sums(COUNT);
        start(0);
        start(COUNT);
        for (int t = -7; t <= 7; t++) {
            aim(t + lowest, 0);
            aim(t + lowest, COUNT);
            sums(0);
            sums(COUNT);
            accept(0);
            accept(COUNT);
        }
        finish(0);
        finish(COUNT);
    }

    private void survey(int at) {
        IntVector largest = IntVector.zero(Lanes.INTS);
        FloatVector m = FloatVector.zero(FLOATS);
        for (int i = at; i < N * COLUMNS; i += COLUMNS) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            IntVector magnitude = Lanes.magnitude(v);
            m = m.blend(v, magnitude.compare(VectorOperators.GT, largest).cast(FLOATS));
            largest = largest.max(magnitude);
            if (!ownWeights) {
                v.mul(v).intoArray(w, i);
            }
        }
        // An infinite divisor marks an all-zero group and keeps its sums finite.
        m.blend(Float.POSITIVE_INFINITY, largest.compare(VectorOperators.LT, EPSILON).cast(FLOATS)).intoArray(max, at);
    }

    private void firstInverse(float lowest, int at) {
        FloatVector d = FloatVector.fromArray(FLOATS, max, at).neg().div(lowest);
        FloatVector.broadcast(FLOATS, 1).div(d).intoArray(inverse, at);
    }

    private void aim(float numerator, int at) {
        FloatVector.broadcast(FLOATS, numerator).div(FloatVector.fromArray(FLOATS, max, at)).intoArray(inverse, at);
    }

    private void sums(int at) {
        FloatVector k = FloatVector.fromArray(FLOATS, inverse, at);
        FloatVector p = FloatVector.zero(FLOATS);
        FloatVector q = FloatVector.zero(FLOATS);
        for (int i = at; i < N * COLUMNS; i += COLUMNS) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            FloatVector level = level(k.mul(v));
            FloatVector weighted = FloatVector.fromArray(FLOATS, w, i).mul(level);
            p = p.add(weighted.mul(v));
            q = q.add(weighted.mul(level));
        }
        p.intoArray(sumLX, at);
        q.intoArray(sumLL, at);
    }

    /** The level nearest to each lane. */
    private static FloatVector level(FloatVector v) {
        FloatVector level = FloatVector.broadcast(FLOATS, CodebookSearch.level(15));
        for (int code = 15; code > 0; code--) {
            level = level.blend(CodebookSearch.level(code - 1), v.compare(VectorOperators.LT, CodebookSearch.midpoint(code)));
        }
        return level;
    }

    private void start(int at) {
        FloatVector p = FloatVector.fromArray(FLOATS, sumLX, at);
        FloatVector q = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector fitted = p.div(q).blend(0, q.compare(VectorOperators.GT, 0).not());
        fitted.intoArray(scale, at);
        fitted.mul(p).intoArray(best, at);
    }

    private void accept(int at) {
        FloatVector p = FloatVector.fromArray(FLOATS, sumLX, at);
        FloatVector q = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector oldBest = FloatVector.fromArray(FLOATS, best, at);
        VectorMask<Float> better = p.mul(p).compare(VectorOperators.GT, oldBest.mul(q)).and(q.compare(VectorOperators.GT, 0));
        if (better.anyTrue()) {
            FloatVector fitted = p.div(q);
            FloatVector.fromArray(FLOATS, scale, at).blend(fitted, better).intoArray(scale, at);
            oldBest.blend(fitted.mul(p), better).intoArray(best, at);
        }
    }

    private void finish(int at) {
        VectorMask<Float> zero = FloatVector.fromArray(FLOATS, max, at).compare(VectorOperators.EQ, Float.POSITIVE_INFINITY);
        FloatVector.fromArray(FLOATS, scale, at).blend(0, zero).intoArray(scale, at);
    }
}
