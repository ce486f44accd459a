package dev.adapterferry.lora;

import dev.adapterferry.tensor.TensorInfo;

/**
 * One {@code s·B·A} on one tensor, or on the rows of it that belong to one expert.
 *
 * @param values   the adapter's values
 * @param layout   how A and B lie and stand to the weight
 * @param a        the stored A
 * @param b        the stored B
 * @param shape    rank, experts, columns
 * @param scale    the factor, sign and adapter weight included
 * @param firstRow first row of the weight that it changes
 * @param rows     number of rows that it changes
 * @param skip     rows of the left factor that belong to other tensors and come first (a fused projection on split tensors)
 * @param cols     columns of the weight
 */
record Delta(AdapterValues values, FactorLayout layout, TensorInfo a, TensorInfo b, FactorLayout.Shape shape, double scale,
        int firstRow, int rows, int skip, int cols) {

    /** Two deltas with equal keys have the same right factor. */
    Object rightKey() {
        return new RightKey(a.name(), b.name(), layout, shape.expert());
    }

    private record RightKey(String a, String b, FactorLayout layout, int expert) { }

    /**
     * Adds the delta to a block of the weight's rows.
     *
     * @param product  multiplies
     * @param first    first row of the block
     * @param count    rows of the block
     * @param sum      the block, {@code count × cols}
     */
    void addTo(BlockProduct product, long first, int count, double[] sum) {
        long begin = Math.max(first, firstRow);
        long end = Math.min(first + count, (long) firstRow + rows);
        if (begin < end) {
            int n = (int) (end - begin);
            double[] left = values.left(this, skip + (int) (begin - firstRow), n);
            product.add(left, n, shape.rank(), values.right(this), cols, sum, (int) (begin - first) * cols);
        }
    }

    /**
     * Adds one row of the delta, each element by the textbook's formula; nothing outside the rows that it changes.
     *
     * @param row row of the weight
     * @param sum the row, one element per column
     */
    void addRow(long row, double[] sum) {
        if (row < firstRow || row >= (long) firstRow + rows) {
            return;
        }
        float[] aValues = values.all(a);
        float[] bValues = values.all(b);
        int factorRow = skip + (int) (row - firstRow);
        for (int j = 0; j < sum.length; j++) {
            double product = 0;
            for (int k = 0; k < shape.rank(); k++) {
                product += layout.term(aValues, bValues, shape, factorRow, j, k);
            }
            sum[j] += scale * product;
        }
    }
}
