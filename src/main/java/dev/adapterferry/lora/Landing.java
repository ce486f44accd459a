package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import java.util.BitSet;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures, while rows are read, what a merge did to one tensor: how far it moved, how many elements would differ if it were kept in
 * the base's type, how many are not finite. A row counts once, however often it is read. Thread-safe.
 */
final class Landing {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

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
            double change = base == null ? 0 : squaredDistance(base, i * cols, merged, at, cols);
            double before = base == null ? 0 : squaredDistance(base, i * cols, null, 0, cols);
            int moved = base == null ? cols : count(base, i * cols, merged, at, cols);
            int broken = 0;
            for (int j = 0; j < cols; j++) {
                // x - x is zero for finite values only.
                broken += merged[at + j] - merged[at + j] == 0 ? 0 : 1;
            }
            add(cols, moved, broken, change, before);
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

    private static double squaredDistance(float[] a, int aAt, float[] b, int bAt, int n) {
        FloatVector sum = FloatVector.zero(S);
        int j = 0;
        for (int bound = S.loopBound(n); j < bound; j += S.length()) {
            FloatVector d = FloatVector.fromArray(S, a, aAt + j);
            d = b == null ? d : FloatVector.fromArray(S, b, bAt + j).sub(d);
            sum = sum.add(d.mul(d));
        }
        double total = sum.reduceLanes(VectorOperators.ADD);
        for (; j < n; j++) {
            float d = b == null ? a[aAt + j] : b[bAt + j] - a[aAt + j];
            total += (double) d * d;
        }
        return total;
    }

    private int count(float[] base, int baseAt, float[] merged, int at, int n) {
        int count = 0;
        if (type == ElementType.BF16) {
            for (int j = 0; j < n; j++) {
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
