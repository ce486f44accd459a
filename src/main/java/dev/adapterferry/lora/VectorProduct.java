package dev.adapterferry.lora;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link BlockProduct} by the Vector API. Tiles of four rows by two vectors stay in registers over the whole rank; the right matrix
 * is walked in strips that fit the second-level cache.
 */
final class VectorProduct implements BlockProduct {
    private static final VectorSpecies<Double> S = DoubleVector.SPECIES_PREFERRED;
    static final int TILE_ROWS = 4;
    private static final int TILE_COLS = 2 * S.length();
    private static final int STRIP = 512;

    @Override
    public void add(double[] left, int rows, int rank, double[] right, int cols, double[] sum, int offset) {
        int bodyRows = rows - rows % TILE_ROWS;
        int bodyCols = cols - cols % TILE_COLS;
        for (int strip = 0; strip < bodyCols; strip += STRIP) {
            int end = Math.min(strip + STRIP, bodyCols);
            for (int i = 0; i < bodyRows; i += TILE_ROWS) {
                for (int j = strip; j < end; j += TILE_COLS) {
                    tile(left, i, rank, right, j, cols, sum, offset);
                }
            }
        }
        scalar(left, 0, bodyRows, rank, right, bodyCols, cols, sum, offset);
        scalar(left, bodyRows, rows, rank, right, 0, cols, sum, offset);
    }

    private static void tile(double[] left, int i, int rank, double[] right, int j, int cols, double[] sum, int offset) {
        int at = offset + i * cols + j;
        int l = i * rank;
        DoubleVector a0 = DoubleVector.fromArray(S, sum, at);
        DoubleVector a1 = DoubleVector.fromArray(S, sum, at + S.length());
        DoubleVector b0 = DoubleVector.fromArray(S, sum, at + cols);
        DoubleVector b1 = DoubleVector.fromArray(S, sum, at + cols + S.length());
        DoubleVector c0 = DoubleVector.fromArray(S, sum, at + 2 * cols);
        DoubleVector c1 = DoubleVector.fromArray(S, sum, at + 2 * cols + S.length());
        DoubleVector d0 = DoubleVector.fromArray(S, sum, at + 3 * cols);
        DoubleVector d1 = DoubleVector.fromArray(S, sum, at + 3 * cols + S.length());
        for (int k = 0; k < rank; k++) {
            DoubleVector r0 = DoubleVector.fromArray(S, right, k * cols + j);
            DoubleVector r1 = DoubleVector.fromArray(S, right, k * cols + j + S.length());
            double x = left[l + k];
            a0 = r0.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, x), a0);
            a1 = r1.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, x), a1);
            double y = left[l + rank + k];
            b0 = r0.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, y), b0);
            b1 = r1.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, y), b1);
            double z = left[l + 2 * rank + k];
            c0 = r0.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, z), c0);
            c1 = r1.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, z), c1);
            double w = left[l + 3 * rank + k];
            d0 = r0.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, w), d0);
            d1 = r1.lanewise(VectorOperators.FMA, DoubleVector.broadcast(S, w), d1);
        }
        a0.intoArray(sum, at);
        a1.intoArray(sum, at + S.length());
        b0.intoArray(sum, at + cols);
        b1.intoArray(sum, at + cols + S.length());
        c0.intoArray(sum, at + 2 * cols);
        c1.intoArray(sum, at + 2 * cols + S.length());
        d0.intoArray(sum, at + 3 * cols);
        d1.intoArray(sum, at + 3 * cols + S.length());
    }

    /** The definition, for what does not fill a tile. */
    private static void scalar(double[] left, int firstRow, int endRow, int rank, double[] right, int firstCol, int cols, double[] sum, int offset) {
        for (int i = firstRow; i < endRow; i++) {
            for (int k = 0; k < rank; k++) {
                double x = left[i * rank + k];
                for (int j = firstCol; j < cols; j++) {
                    sum[offset + i * cols + j] += x * right[k * cols + j];
                }
            }
        }
    }
}
