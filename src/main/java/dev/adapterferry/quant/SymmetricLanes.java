package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;
import static dev.adapterferry.quant.Lanes.MAGIC_BITS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link SymmetricSearch} for as many groups at once as two vectors have lanes, each lane adding up in the order of the
 * scalar search. No value leaves the range of the lanes' rounding, since all are measured by the largest of their
 * group. Not thread-safe: it holds the state of one search.
 */
final class SymmetricLanes {
    private static final int EPSILON = Float.floatToRawIntBits(Rounding.GROUP_EPSILON);

    private final SymmetricSearch search;
    private final int n;
    private final boolean ownWeights;

    /** Values to fill in, value i of column c at {@code i * COLUMNS + c}. */
    final float[] x;
    /** Weights to fill in, unless they are x^2. */
    final float[] w;
    /** Results per column: scale, and the inverse scale that gives the codes, 0 for a group that is all zero. */
    final float[] scale = new float[COLUMNS];
    final float[] inverse = new float[COLUMNS];

    private final float[] wx;
    private final float[] max = new float[COLUMNS];
    private final float[] best = new float[COLUMNS];
    private final float[] tryInverse = new float[COLUMNS];
    private final float[] sumLX = new float[COLUMNS];
    private final float[] sumLL = new float[COLUMNS];

    /**
     * @param search     what to search
     * @param ownWeights whether weights will be filled in; x^2 otherwise
     */
    SymmetricLanes(SymmetricSearch search, boolean ownWeights) {
        this.search = search;
        this.ownWeights = ownWeights;
        n = search.n();
        x = new float[n * COLUMNS];
        w = new float[n * COLUMNS];
        wx = new float[n * COLUMNS];
    }

    void search() {
        survey(0);
        survey(COUNT);
        aim(-search.limit(), 0);
        aim(-search.limit(), COUNT);
        sums();
        start(0);
        start(COUNT);
        for (int t = -9; t <= 9; t++) {
            if (t != 0) {
                float numerator = -(search.limit() + 0.1f * t);
                aim(numerator, 0);
                aim(numerator, COUNT);
                sums();
                accept(0);
                accept(COUNT);
            }
        }
    }

    private void survey(int at) {
        IntVector largest = IntVector.zero(Lanes.INTS);
        FloatVector m = FloatVector.zero(FLOATS);
        for (int i = at; i < n * COLUMNS; i += COLUMNS) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            IntVector magnitude = Lanes.magnitude(v);
            m = m.blend(v, magnitude.compare(VectorOperators.GT, largest).cast(FLOATS));
            largest = largest.max(magnitude);
            FloatVector weight = ownWeights ? FloatVector.fromArray(FLOATS, w, i) : v.mul(v);
            weight.intoArray(w, i);
            weight.mul(v).intoArray(wx, i);
        }
        // An infinite divisor makes every inverse scale of an all-zero group 0.
        m.blend(Float.POSITIVE_INFINITY, largest.compare(VectorOperators.LT, EPSILON).cast(FLOATS)).intoArray(max, at);
    }

    private void aim(float numerator, int at) {
        FloatVector.broadcast(FLOATS, numerator).div(FloatVector.fromArray(FLOATS, max, at)).intoArray(tryInverse, at);
    }

    private void sums() {
        FloatVector kA = FloatVector.fromArray(FLOATS, tryInverse, 0);
        FloatVector kB = FloatVector.fromArray(FLOATS, tryInverse, COUNT);
        IntVector low = IntVector.broadcast(Lanes.INTS, MAGIC_BITS - search.limit());
        IntVector high = IntVector.broadcast(Lanes.INTS, MAGIC_BITS + search.limit() - 1);
        FloatVector pA = FloatVector.zero(FLOATS);
        FloatVector pB = FloatVector.zero(FLOATS);
        FloatVector sA = FloatVector.zero(FLOATS);
        FloatVector sB = FloatVector.zero(FLOATS);
        for (int i = 0; i < n * COLUMNS; i += COLUMNS) {
            FloatVector lA = Lanes.round(kA.mul(FloatVector.fromArray(FLOATS, x, i)), low, high);
            FloatVector lB = Lanes.round(kB.mul(FloatVector.fromArray(FLOATS, x, i + COUNT)), low, high);
            pA = pA.add(FloatVector.fromArray(FLOATS, wx, i).mul(lA));
            pB = pB.add(FloatVector.fromArray(FLOATS, wx, i + COUNT).mul(lB));
            sA = sA.add(FloatVector.fromArray(FLOATS, w, i).mul(lA).mul(lA));
            sB = sB.add(FloatVector.fromArray(FLOATS, w, i + COUNT).mul(lB).mul(lB));
        }
        pA.intoArray(sumLX, 0);
        pB.intoArray(sumLX, COUNT);
        sA.intoArray(sumLL, 0);
        sB.intoArray(sumLL, COUNT);
    }

    private void start(int at) {
        FloatVector p = FloatVector.fromArray(FLOATS, sumLX, at);
        FloatVector s = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector fitted = p.div(s).blend(0, s.compare(VectorOperators.EQ, 0));
        fitted.intoArray(scale, at);
        fitted.mul(p).intoArray(best, at);
        FloatVector.fromArray(FLOATS, tryInverse, at).intoArray(inverse, at);
    }

    private void accept(int at) {
        FloatVector p = FloatVector.fromArray(FLOATS, sumLX, at);
        FloatVector s = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector oldBest = FloatVector.fromArray(FLOATS, best, at);
        VectorMask<Float> better = p.mul(p).compare(VectorOperators.GT, oldBest.mul(s)).and(s.compare(VectorOperators.GT, 0));
        if (better.anyTrue()) {
            FloatVector fitted = p.div(s);
            FloatVector.fromArray(FLOATS, scale, at).blend(fitted, better).intoArray(scale, at);
            oldBest.blend(fitted.mul(p), better).intoArray(best, at);
            FloatVector.fromArray(FLOATS, inverse, at).blend(FloatVector.fromArray(FLOATS, tryInverse, at), better).intoArray(inverse, at);
        }
    }

    /** Sums of the weights of {@code count} columns, each in ascending order. */
    void sumWeights(int column, int count, float[] into, int to) {
        for (int c = 0; c < count; c++) {
            float sum = 0;
            for (int i = column + c; i < n * COLUMNS; i += COLUMNS) {
                sum += w[i];
            }
            into[to + c] = sum;
        }
    }

    /**
     * The codes that the search itself chose.
     *
     * @param column the column of the group
     * @param src    its values, in their own order
     * @param at     index of the first value
     * @param codes  receives the codes
     * @param to     index of the first code
     */
    void codes(int column, float[] src, int at, byte[] codes, int to) {
        float k = inverse[column];
        int zero = max[column] == Float.POSITIVE_INFINITY ? 0 : search.limit();
        for (int i = 0; i < n; i++) {
            codes[to + i] = (byte) (Rounding.nearestEven(k * src[at + i], -search.limit(), search.limit() - 1) + zero);
        }
    }
}
