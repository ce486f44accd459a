package dev.adapterferry.quant;

/**
 * A kernel that searches the scales of many groups at once, a group to a lane. It cuts the rows into batches that fill
 * the lanes, and hands a block to the scalar kernel where lanes cannot follow it.
 */
abstract class VectorKernel implements RowKernel {
    private final ScalarKernel scalar;

    VectorKernel(ScalarKernel scalar) {
        this.scalar = scalar;
    }

    /** Blocks in work together, with all scratch they need; used by one thread. */
    interface Batch {
        /** Number of blocks. */
        int size();

        /**
         * Takes in one block.
         *
         * @param slot         its place in the batch
         * @param x            values from {@code at}
         * @param importance   weights from {@code importanceAt}, or null
         * @param squares      with importance: mean of x^2 over the row where the format weighs by row, else the sum
         *                     of x^2 over the block
         */
        void load(int slot, float[] x, int at, float[] importance, int importanceAt, float squares);

        /** Searches all that was loaded. Slots not loaded keep what they held, which harms nobody. */
        void search();

        /**
         * Writes one block.
         *
         * @param slot its place in the batch
         * @param x    its values again, from {@code at}
         * @return false when the scalar kernel must do it
         */
        boolean write(int slot, float[] x, int at, byte[] out, int to);
    }

    /** A fresh batch for one call of {@link #encode}. */
    abstract Batch batch(boolean importance);

    @Override
    public final GgmlType type() {
        return scalar.type();
    }

    @Override
    public final void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset,
            byte[] dst, int dstOffset) {
        Bounds.checkEncode(type(), src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
        Batch batch = batch(importance != null);
        int n = type().blockElements();
        int perRow = rowLength / n;
        int blocks = rows * perRow;
        float[] sums = sums(src, srcOffset, rows, rowLength, importance != null);
        for (int first = 0; first < blocks; first += batch.size()) {
            int count = Math.min(batch.size(), blocks - first);
            for (int i = 0; i < count; i++) {
                int block = first + i;
                batch.load(i, src, srcOffset + n * block, importance, importanceOffset + n * (block % perRow), weighing(sums, block, perRow, rowLength));
            }
            batch.search();
            for (int i = 0; i < count; i++) {
                int block = first + i;
                int at = srcOffset + n * block;
                int to = dstOffset + type().blockBytes() * block;
                if (!batch.write(i, src, at, dst, to)) {
                    scalar.encodeOne(src, at, importance, importanceOffset + n * (block % perRow), weighing(sums, block, perRow, rowLength), dst, to);
                }
            }
        }
    }

    private float weighing(float[] sums, int block, int perRow, int rowLength) {
        if (sums == null) {
            return 0;
        }
        return scalar.needsRowMeanSquare() ? sums[block / perRow] / rowLength : sums[block];
    }

    private float[] sums(float[] src, int at, int rows, int rowLength, boolean importance) {
        if (!importance) {
            return null;
        }
        int run = scalar.needsRowMeanSquare() ? rowLength : type().blockElements();
        return sumsOfSquares(src, at, run, run == 0 ? 0 : rows * rowLength / run);
    }

    /**
     * Sums of squares of consecutive runs, each in ascending order. Four at a time, since each addition waits for the
     * one before.
     */
    static float[] sumsOfSquares(float[] x, int at, int run, int runs) {
        float[] sums = new float[runs];
        int r = 0;
        for (; r + 3 < runs; r += 4) {
            int from = at + r * run;
            float a = 0;
            float b = 0;
            float c = 0;
            float d = 0;
            for (int i = from; i < from + run; i++) {
                a += x[i] * x[i];
                b += x[i + run] * x[i + run];
                c += x[i + 2 * run] * x[i + 2 * run];
                d += x[i + 3 * run] * x[i + 3 * run];
            }
            sums[r] = a;
            sums[r + 1] = b;
            sums[r + 2] = c;
            sums[r + 3] = d;
        }
        for (; r < runs; r++) {
            sums[r] = ScalarKernel.sumOfSquares(x, at + r * run, run);
        }
        return sums;
    }

    @Override
    public final void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        Bounds.checkDecode(type(), src, srcOffset, elements, dst, dstOffset);
        Codes codes = new Codes();
        int n = type().blockElements();
        for (int block = 0; block < elements / n; block++) {
            decodeBlock(src, srcOffset + type().blockBytes() * block, dst, dstOffset + n * block, codes);
        }
    }

    /**
     * Decodes one block.
     *
     * @param from  index of its first byte
     * @param at    index of its first value
     * @param codes scratch
     */
    abstract void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes);
}
