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
 * {@link AffineSearch} for as many groups at once as two vectors have lanes. Each lane adds up in the order of the
 * scalar search, so that every sum has the same bits. Not thread-safe: it holds the state of one search.
 */
final class AffineLanes {
    /** A larger range leaves no room for the products of the search; the scalar code then decides. */
    private static final int WIDE = Float.floatToRawIntBits(1e30f);

    private final AffineSearch search;
    private final int n;

    /** Values and weights to fill in, value i of column c at {@code i * COLUMNS + c}. */
    final float[] x;
    final float[] w;
    /** Results per column: scale, minimum (0 or more), sum of the weights. */
    final float[] scale = new float[COLUMNS];
    final float[] min = new float[COLUMNS];
    final float[] sumW = new float[COLUMNS];

    /** What rounds to the codes of the best fit: {@code (x - base) * inverse}. */
    private final float[] base = new float[COLUMNS];
    private final float[] inverse = new float[COLUMNS];
    private final float[] error = new float[COLUMNS];
    private final float[] sumX = new float[COLUMNS];
    private final float[] lowest = new float[COLUMNS];
    private final float[] highest = new float[COLUMNS];
    /** Minimum of the best fit so far. */
    private final float[] current = new float[COLUMNS];

    /** The candidate in hand: its codes, its sums over code, code^2 and code * x, and its fit. */
    private final float[] rounded;
    private final float[] sumL = new float[COLUMNS];
    private final float[] sumLL = new float[COLUMNS];
    private final float[] sumLX = new float[COLUMNS];
    private final float[] tryInverse = new float[COLUMNS];
    private final float[] tryScale = new float[COLUMNS];
    private final float[] tryMin = new float[COLUMNS];
    private final float[] tryError = new float[COLUMNS];
    private long unsafe;

    AffineLanes(AffineSearch search) {
        this.search = search;
        n = search.n();
        x = new float[n * COLUMNS];
        w = new float[n * COLUMNS];
        rounded = new float[n * COLUMNS];
    }

    /** Bit c is set when column c left the range in which lanes round as the scalar code does; its results are void. */
    long search() {
        unsafe = 0;
        survey(0);
        survey(COUNT);
        firstCandidate(0);
        firstCandidate(COUNT);
        for (int rung = 0; rung <= search.steps(); rung++) {
            candidate(search.start() + search.step() * rung + search.limit());
        }
        finish(0);
        finish(COUNT);
        return unsafe;
    }

    private void survey(int at) {
        FloatVector lo = FloatVector.fromArray(FLOATS, x, at);
        FloatVector hi = lo;
        FloatVector sw = FloatVector.fromArray(FLOATS, w, at);
        FloatVector sx = sw.mul(lo);
        for (int i = COLUMNS + at; i < n * COLUMNS; i += COLUMNS) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            FloatVector weight = FloatVector.fromArray(FLOATS, w, i);
            lo = lo.blend(v, v.compare(VectorOperators.LT, lo));
            hi = hi.blend(v, v.compare(VectorOperators.GT, hi));
            sw = sw.add(weight);
            sx = sx.add(weight.mul(v));
        }
        lo.intoArray(lowest, at);
        lo = lo.blend(0, lo.compare(VectorOperators.GT, 0));
        FloatVector range = hi.sub(lo);
        note(Lanes.magnitude(range).compare(VectorOperators.GE, WIDE), at);
        // Without a range every inverse scale becomes 0, and no candidate can win.
        hi.blend(Float.POSITIVE_INFINITY, hi.compare(VectorOperators.LE, lo)).intoArray(highest, at);
        lo.intoArray(current, at);
        lo.intoArray(base, at);
        sw.intoArray(sumW, at);
        sx.intoArray(sumX, at);
    }

    private void note(VectorMask<Integer> mask, int at) {
        unsafe |= mask.toLong() << at;
    }

    private void firstCandidate(int at) {
        FloatVector lo = FloatVector.fromArray(FLOATS, current, at);
        FloatVector k = FloatVector.broadcast(FLOATS, search.limit()).div(FloatVector.fromArray(FLOATS, highest, at).sub(lo));
        FloatVector s = FloatVector.broadcast(FLOATS, 1).div(k);
        IntVector none = IntVector.broadcast(Lanes.INTS, MAGIC_BITS);
        IntVector most = IntVector.broadcast(Lanes.INTS, MAGIC_BITS + search.limit());
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = at; i < n * COLUMNS; i += COLUMNS) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            FloatVector l = Lanes.round(k.mul(v.sub(lo)), none, most);
            FloatVector delta = s.mul(l).add(lo).sub(v);
            delta = search.absolute() ? delta.abs() : delta.mul(delta);
            sum = sum.add(FloatVector.fromArray(FLOATS, w, i).mul(delta));
        }
        k.intoArray(inverse, at);
        s.intoArray(scale, at);
        sum.intoArray(error, at);
    }

    private void candidate(float addend) {
        aim(addend, 0);
        aim(addend, COUNT);
        sums();
        fit(0);
        fit(COUNT);
        if (search.absolute()) {
            absoluteErrors();
        } else {
            squaredErrors();
        }
        accept(0);
        accept(COUNT);
    }

    private void aim(float addend, int at) {
        FloatVector lo = FloatVector.fromArray(FLOATS, current, at);
        FloatVector k = FloatVector.broadcast(FLOATS, addend).div(FloatVector.fromArray(FLOATS, highest, at).sub(lo));
        note(Lanes.beyondRounding(k.mul(FloatVector.fromArray(FLOATS, lowest, at).sub(lo))), at);
        k.intoArray(tryInverse, at);
    }

    private void sums() {
        FloatVector loA = FloatVector.fromArray(FLOATS, current, 0);
        FloatVector loB = FloatVector.fromArray(FLOATS, current, COUNT);
        FloatVector kA = FloatVector.fromArray(FLOATS, tryInverse, 0);
        FloatVector kB = FloatVector.fromArray(FLOATS, tryInverse, COUNT);
        IntVector none = IntVector.broadcast(Lanes.INTS, MAGIC_BITS);
        IntVector most = IntVector.broadcast(Lanes.INTS, MAGIC_BITS + search.limit());
        FloatVector aA = FloatVector.zero(FLOATS);
        FloatVector bA = FloatVector.zero(FLOATS);
        FloatVector cA = FloatVector.zero(FLOATS);
        FloatVector aB = FloatVector.zero(FLOATS);
        FloatVector bB = FloatVector.zero(FLOATS);
        FloatVector cB = FloatVector.zero(FLOATS);
        for (int i = 0; i < n * COLUMNS; i += COLUMNS) {
            FloatVector vA = FloatVector.fromArray(FLOATS, x, i);
            FloatVector vB = FloatVector.fromArray(FLOATS, x, i + COUNT);
            FloatVector lA = Lanes.round(kA.mul(vA.sub(loA)), none, most);
            FloatVector lB = Lanes.round(kB.mul(vB.sub(loB)), none, most);
            lA.intoArray(rounded, i);
            lB.intoArray(rounded, i + COUNT);
            FloatVector wlA = FloatVector.fromArray(FLOATS, w, i).mul(lA);
            FloatVector wlB = FloatVector.fromArray(FLOATS, w, i + COUNT).mul(lB);
            aA = aA.add(wlA);
            aB = aB.add(wlB);
            bA = bA.add(wlA.mul(lA));
            bB = bB.add(wlB.mul(lB));
            cA = cA.add(wlA.mul(vA));
            cB = cB.add(wlB.mul(vB));
        }
        aA.intoArray(sumL, 0);
        aB.intoArray(sumL, COUNT);
        bA.intoArray(sumLL, 0);
        bB.intoArray(sumLL, COUNT);
        cA.intoArray(sumLX, 0);
        cB.intoArray(sumLX, COUNT);
    }

    private void fit(int at) {
        FloatVector a = FloatVector.fromArray(FLOATS, sumL, at);
        FloatVector b = FloatVector.fromArray(FLOATS, sumLL, at);
        FloatVector c = FloatVector.fromArray(FLOATS, sumLX, at);
        FloatVector sw = FloatVector.fromArray(FLOATS, sumW, at);
        FloatVector sx = FloatVector.fromArray(FLOATS, sumX, at);
        FloatVector det = sw.mul(b).sub(a.mul(a));
        FloatVector s = sw.mul(c).sub(sx.mul(a)).div(det);
        FloatVector m = b.mul(sx).sub(a.mul(c)).div(det);
        VectorMask<Float> positive = m.compare(VectorOperators.GT, 0);
        m = m.blend(0, positive);
        if (positive.anyTrue()) {
            s = s.blend(c.div(b), positive);
        }
        // NaN makes the error NaN, and that never wins.
        s = s.blend(Float.NaN, det.compare(VectorOperators.GT, 0).not());
        s.intoArray(tryScale, at);
        m.intoArray(tryMin, at);
    }

    private void squaredErrors() {
        FloatVector sA = FloatVector.fromArray(FLOATS, tryScale, 0);
        FloatVector sB = FloatVector.fromArray(FLOATS, tryScale, COUNT);
        FloatVector mA = FloatVector.fromArray(FLOATS, tryMin, 0);
        FloatVector mB = FloatVector.fromArray(FLOATS, tryMin, COUNT);
        FloatVector eA = FloatVector.zero(FLOATS);
        FloatVector eB = FloatVector.zero(FLOATS);
        for (int i = 0; i < n * COLUMNS; i += COLUMNS) {
            FloatVector dA = sA.mul(FloatVector.fromArray(FLOATS, rounded, i)).add(mA).sub(FloatVector.fromArray(FLOATS, x, i));
            FloatVector dB = sB.mul(FloatVector.fromArray(FLOATS, rounded, i + COUNT)).add(mB).sub(FloatVector.fromArray(FLOATS, x, i + COUNT));
            eA = eA.add(FloatVector.fromArray(FLOATS, w, i).mul(dA.mul(dA)));
            eB = eB.add(FloatVector.fromArray(FLOATS, w, i + COUNT).mul(dB.mul(dB)));
        }
        eA.intoArray(tryError, 0);
        eB.intoArray(tryError, COUNT);
    }

    private void absoluteErrors() {
        FloatVector sA = FloatVector.fromArray(FLOATS, tryScale, 0);
        FloatVector sB = FloatVector.fromArray(FLOATS, tryScale, COUNT);
        FloatVector mA = FloatVector.fromArray(FLOATS, tryMin, 0);
        FloatVector mB = FloatVector.fromArray(FLOATS, tryMin, COUNT);
        FloatVector eA = FloatVector.zero(FLOATS);
        FloatVector eB = FloatVector.zero(FLOATS);
        for (int i = 0; i < n * COLUMNS; i += COLUMNS) {
            FloatVector dA = sA.mul(FloatVector.fromArray(FLOATS, rounded, i)).add(mA).sub(FloatVector.fromArray(FLOATS, x, i));
            FloatVector dB = sB.mul(FloatVector.fromArray(FLOATS, rounded, i + COUNT)).add(mB).sub(FloatVector.fromArray(FLOATS, x, i + COUNT));
            eA = eA.add(FloatVector.fromArray(FLOATS, w, i).mul(dA.abs()));
            eB = eB.add(FloatVector.fromArray(FLOATS, w, i + COUNT).mul(dB.abs()));
        }
        eA.intoArray(tryError, 0);
        eB.intoArray(tryError, COUNT);
    }

    private void accept(int at) {
        VectorMask<Float> better = FloatVector.fromArray(FLOATS, tryError, at).compare(VectorOperators.LT, FloatVector.fromArray(FLOATS, error, at));
        if (better.anyTrue()) {
            keep(tryError, error, at, better);
            keep(tryScale, scale, at, better);
            keep(tryInverse, inverse, at, better);
            keep(current, base, at, better);
            keep(tryMin, current, at, better);
        }
    }

    private static void keep(float[] from, float[] to, int at, VectorMask<Float> where) {
        FloatVector.fromArray(FLOATS, to, at).blend(FloatVector.fromArray(FLOATS, from, at), where).intoArray(to, at);
    }

    private void finish(int at) {
        VectorMask<Float> flat = FloatVector.fromArray(FLOATS, highest, at).compare(VectorOperators.EQ, Float.POSITIVE_INFINITY);
        FloatVector.fromArray(FLOATS, scale, at).blend(0, flat).intoArray(scale, at);
        FloatVector.fromArray(FLOATS, current, at).neg().intoArray(min, at);
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
        for (int i = 0; i < n; i++) {
            codes[to + i] = (byte) Rounding.nearestEven(inverse[column] * (src[at + i] - base[column]), 0, search.limit());
        }
    }
}
