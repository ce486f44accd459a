package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import java.util.BitSet;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures, while rows are read, what a merge did to one tensor: how far it moved, how many elements would differ if it were kept in
 * the base's type, how many are not finite. A row counts once, however often it is read. Thread-safe.
 */
final class Landing {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final ThreadLocal<float[]> SUMS = ThreadLocal.withInitial(() -> new float[2]);

    private final ElementType type;
    private final BitSet seen = new BitSet();
    private long elements;
    private long changed;
    private long nonFinite;
    private double squaredChange;
    private double squaredBase;

    /** @param type the base's type, in which a change must show */
    Landing(ElementType type) {
        this.type = type;
    }

    /** What was measured. */
    record Measured(long rows, long elements, long changed, long nonFinite, double change, double base) { }

    synchronized Measured measured() {
        return new Measured(seen.cardinality(), elements, changed, nonFinite, Math.sqrt(squaredChange), Math.sqrt(squaredBase));
    }

    /** The sums so far, as {@link #restore} takes them. */
    synchronized double[] sums() {
        return new double[] {elements, changed, nonFinite, squaredChange, squaredBase};
    }

    /** Takes over what another measured of all rows. */
    synchronized void restore(int rows, double[] sums) {
        seen.set(0, rows);
        elements = (long) sums[0];
        changed = (long) sums[1];
        nonFinite = (long) sums[2];
        squaredChange = sums[3];
        squaredBase = sums[4];
    }

    /**
     * Measures a block.
     *
     * @param base   the rows before the merge, from index 0, or null when there were none
     * @param merged the rows after it
     * @param offset index of their first element
     */
    void observe(long first, int rows, int cols, float[] base, float[] merged, int offset) {
        for (int i = 0; i < rows; i++) {
            if (!isNew((int) first + i)) {
                continue;
            }
            int at = offset + i * cols;
            double change = 0;
            double before = 0;
            int moved = cols;
            if (base != null) {
                float[] sums = SUMS.get();
                measure(base, i * cols, merged, at, cols, sums);
                change = sums[0];
                before = sums[1];
                moved = count(base, i * cols, merged, at, cols);
            }
            add(cols, moved, broken(merged, at, cols), change, before);
        }
    }

    private synchronized boolean isNew(int row) {
        boolean fresh = !seen.get(row);
        seen.set(row);
        return fresh;
    }

    private synchronized void add(int cols, int moved, int broken, double change, double before) {
        elements += cols;
        changed += moved;
        nonFinite += broken;
        squaredChange += change;
        squaredBase += before;
    }

    /** Squares of the change and of the base, in one walk over both; sums[0] and sums[1] receive them. */
    private static void measure(float[] base, int baseAt, float[] merged, int at, int n, float[] sums) {
        FloatVector change = FloatVector.zero(S);
        FloatVector before = FloatVector.zero(S);
        int j = 0;
        for (int bound = S.loopBound(n); j < bound; j += S.length()) {
            FloatVector b = FloatVector.fromArray(S, base, baseAt + j);
            FloatVector d = FloatVector.fromArray(S, merged, at + j).sub(b);
            change = change.add(d.mul(d));
            before = before.add(b.mul(b));
        }
        float squaredChange = sum(change);
        float squaredBase = sum(before);
        for (; j < n; j++) {
            float d = merged[at + j] - base[baseAt + j];
            squaredChange += d * d;
            squaredBase += base[baseAt + j] * base[baseAt + j];
        }
        sums[0] = squaredChange;
        sums[1] = squaredBase;
    }

    /** In the order of the lanes: reduceLanes leaves it open, and adds otherwise once it is compiled. A merge that is taken up gives the same report to the last digit. */
    private static float sum(FloatVector vector) {
        float sum = 0;
        for (float lane : vector.toArray()) {
            sum += lane;
        }
        return sum;
    }

    /** Number of elements that are not finite. The first loop alone runs unless there are any, and compiles to vectors. */
    private static int broken(float[] merged, int at, int n) {
        float largest = 0;
        for (int j = at; j < at + n; j++) {
            largest = Math.max(largest, Math.abs(merged[j]));
        }
        if (Float.isFinite(largest)) {
            return 0;
        }
        int broken = 0;
        for (int j = at; j < at + n; j++) {
            broken += Float.isFinite(merged[j]) ? 0 : 1;
        }
        return broken;
    }

    private int count(float[] base, int baseAt, float[] merged, int at, int n) {
        int count = 0;
        if (type == ElementType.BF16) {
            IntVector moved = IntVector.zero(I);
            int j = 0;
            for (int bound = I.loopBound(n); j < bound; j += I.length()) {
                IntVector m = FloatVector.fromArray(S, merged, at + j).reinterpretAsInts();
                IntVector b = FloatVector.fromArray(S, base, baseAt + j).reinterpretAsInts();
                IntVector rounded = m.lanewise(VectorOperators.LSHR, 16).and(1).add(m).add(0x7FFF);
                // Equal upper halves differ in no bit above the sixteenth.
                moved = moved.add(1, rounded.lanewise(VectorOperators.XOR, b).lanewise(VectorOperators.LSHR, 16).compare(VectorOperators.NE, 0));
            }
            count = moved.reduceLanes(VectorOperators.ADD);
            for (; j < n; j++) {
                int bits = Float.floatToRawIntBits(merged[at + j]);
                count += bits + 0x7FFF + (bits >>> 16 & 1) >>> 16 == Float.floatToRawIntBits(base[baseAt + j]) >>> 16 ? 0 : 1;
            }
        } else if (type == ElementType.F16) {
            for (int j = 0; j < n; j++) {
                count += Float.floatToFloat16(merged[at + j]) == Float.floatToFloat16(base[baseAt + j]) ? 0 : 1;
            }
        } else {
            for (int j = 0; j < n; j++) {
                count += merged[at + j] == base[baseAt + j] ? 0 : 1;
            }
        }
        return count;
    }
}
