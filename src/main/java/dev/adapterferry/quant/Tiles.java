package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * Moves values between their own order and that of the lanes. A tile holds {@code n} values of {@link Lanes#COLUMNS}
 * groups, value i of column c at {@code i * COLUMNS + c}, so that a load takes the same value of neighbouring groups.
 */
final class Tiles {
    private Tiles() {
    }

    /**
     * Puts consecutive groups into consecutive columns.
     *
     * @param src    values, group after group, from {@code at}
     * @param n      values of a group
     * @param groups number of groups
     * @param tile   the tile
     * @param column column of the first group
     */
    static void put(float[] src, int at, int n, int groups, float[] tile, int column) {
        for (int g = 0; g < groups; g++) {
            int from = at + g * n;
            int to = column + g;
            for (int i = 0; i < n; i++) {
                tile[to + i * COLUMNS] = src[from + i];
            }
        }
    }

    /**
     * Importance weights {@code q * sqrt(sigma2 + x^2)} of {@code n} values, a multiple of 16, in their own order.
     *
     * @param w receives them from index 0
     */
    static void weights(float[] x, int at, float[] q, int qAt, int n, float sigma2, float[] w) {
        for (int i = 0; i < n; i += COUNT) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, at + i);
            FloatVector.fromArray(FLOATS, q, qAt + i).mul(v.mul(v).add(sigma2).sqrt()).intoArray(w, i);
        }
    }
}
