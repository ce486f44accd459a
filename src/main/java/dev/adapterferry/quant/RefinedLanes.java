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
 * {@link RefinedSymmetricSearch} for as many groups at once as two vectors have lanes. A lane that has come to rest
 * repeats its last pass without effect until all have. Not thread-safe: it holds the state of one search.
 */
final class RefinedLanes {
    private static final int N = 16;
    private static final int LIMIT = 4;
    private static final int EPSILON = Float.floatToRawIntBits(Rounding.GROUP_EPSILON);

    /** Values to fill in, value i of column c at {@code i * COLUMNS + c}. */
    final float[] x = new float[N * COLUMNS];
    /** The scale per column. */
    final float[] scale = new float[COLUMNS];

    private final float[] w = new float[N * COLUMNS];
    private final float[] wx = new float[N * COLUMNS];
    private final float[] rounded = new float[N * COLUMNS];
    private final float[] max = new float[COLUMNS];
    private final float[] sumLX = new float[COLUMNS];
    private final float[] sumLL = new float[COLUMNS];
    private boolean changed;

    void search() {
        survey(0);
        survey(COUNT);
        round(0);
        round(COUNT);
        changed = true;
        for (int pass = 0; pass < 5 && changed; pass++) {
            refine();
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
            FloatVector weight = v.mul(v);
            weight.intoArray(w, i);
            weight.mul(v).intoArray(wx, i);
        }
        // An infinite divisor makes the inverse scale of an all-zero group 0, and with it all sums.
        m.blend(Float.POSITIVE_INFINITY, largest.compare(VectorOperators.LT, EPSILON).cast(FLOATS)).intoArray(max, at);
    }

    private void round(int at) {
        FloatVector k = FloatVector.broadcast(FLOATS, -LIMIT).div(FloatVector.fromArray(FLOATS, max, at));
        IntVector low = IntVector.broadcast(Lanes.INTS, MAGIC_BITS - LIMIT);
        IntVector high = IntVector.broadcast(Lanes.INTS, MAGIC_BITS + LIMIT - 1);
        FloatVector p = FloatVector.zero(FLOATS);
        FloatVector s = FloatVector.zero(FLOATS);
        for (int i = at; i < N * COLUMNS; i += COLUMNS) {
            FloatVector l = Lanes.round(k.mul(FloatVector.fromArray(FLOATS, x, i)), low, high);
            p = p.add(FloatVector.fromArray(FLOATS, wx, i).mul(l));
            s = s.add(FloatVector.fromArray(FLOATS, w, i).mul(l).mul(l));
            l.intoArray(rounded, i);
        }
        p.intoArray(sumLX, at);
        s.intoArray(sumLL, at);
    }

    /** One pass over both halves in turn: each step waits for the one before, so two chains run side by side. */
    private void refine() {
        FloatVector pA = FloatVector.fromArray(FLOATS, sumLX, 0);
        FloatVector pB = FloatVector.fromArray(FLOATS, sumLX, COUNT);
        FloatVector sA = FloatVector.fromArray(FLOATS, sumLL, 0);
        FloatVector sB = FloatVector.fromArray(FLOATS, sumLL, COUNT);
        VectorMask<Float> any = FLOATS.maskAll(false);
        for (int i = 0; i < N * COLUMNS; i += COLUMNS) {
            FloatVector lA = FloatVector.fromArray(FLOATS, rounded, i);
            FloatVector lB = FloatVector.fromArray(FLOATS, rounded, i + COUNT);
            FloatVector wA = FloatVector.fromArray(FLOATS, w, i);
            FloatVector wB = FloatVector.fromArray(FLOATS, w, i + COUNT);
            FloatVector wxA = FloatVector.fromArray(FLOATS, wx, i);
            FloatVector wxB = FloatVector.fromArray(FLOATS, wx, i + COUNT);
            FloatVector otherPA = pA.sub(wxA.mul(lA));
            FloatVector otherPB = pB.sub(wxB.mul(lB));
            FloatVector otherSA = sA.sub(wA.mul(lA).mul(lA));
            FloatVector otherSB = sB.sub(wB.mul(lB).mul(lB));
            FloatVector newA = nearest(FloatVector.fromArray(FLOATS, x, i).mul(otherSA).div(otherPA));
            FloatVector newB = nearest(FloatVector.fromArray(FLOATS, x, i + COUNT).mul(otherSB).div(otherPB));
            VectorMask<Float> moveA = otherPA.compare(VectorOperators.GT, 0).and(newA.compare(VectorOperators.NE, lA));
            VectorMask<Float> moveB = otherPB.compare(VectorOperators.GT, 0).and(newB.compare(VectorOperators.NE, lB));
            otherPA = otherPA.add(wxA.mul(newA));
            otherPB = otherPB.add(wxB.mul(newB));
            otherSA = otherSA.add(wA.mul(newA).mul(newA));
            otherSB = otherSB.add(wB.mul(newB).mul(newB));
            moveA = moveA.and(otherSA.compare(VectorOperators.GT, 0)).and(otherPA.mul(otherPA).mul(sA).compare(VectorOperators.GT, pA.mul(pA).mul(otherSA)));
            moveB = moveB.and(otherSB.compare(VectorOperators.GT, 0)).and(otherPB.mul(otherPB).mul(sB).compare(VectorOperators.GT, pB.mul(pB).mul(otherSB)));
            pA = pA.blend(otherPA, moveA);
            pB = pB.blend(otherPB, moveB);
            sA = sA.blend(otherSA, moveA);
            sB = sB.blend(otherSB, moveB);
            lA.blend(newA, moveA).intoArray(rounded, i);
            lB.blend(newB, moveB).intoArray(rounded, i + COUNT);
            any = any.or(moveA).or(moveB);
        }
        pA.intoArray(sumLX, 0);
        pB.intoArray(sumLX, COUNT);
        sA.intoArray(sumLL, 0);
        sB.intoArray(sumLL, COUNT);
        changed = any.anyTrue();
    }

    /** {@link Rounding#nearestEven} to [-4, 3] as floats; the quotient of a pass may be anything. */
    private static FloatVector nearest(FloatVector v) {
        return v.add(Rounding.MAGIC).reinterpretAsInts().and(0x7fffff).max(0x400000 - LIMIT).min(0x400000 + LIMIT - 1)
                .or(MAGIC_BITS & 0xff800000).reinterpretAsFloats().sub(Rounding.MAGIC);
    }

    private void finish(int at) {
        FloatVector s = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector.fromArray(FLOATS, sumLX, at).div(s).blend(0, s.compare(VectorOperators.GT, 0).not()).intoArray(scale, at);
    }

    /** The codes 0 to 7 that the search chose for a column, from index {@code to}. */
    void codes(int column, byte[] codes, int to) {
        int zero = max[column] == Float.POSITIVE_INFINITY ? 0 : LIMIT;
        for (int i = 0; i < N; i++) {
            codes[to + i] = (byte) ((int) rounded[i * COLUMNS + column] + zero);
        }
    }
}
