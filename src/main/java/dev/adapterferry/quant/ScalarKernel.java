package dev.adapterferry.quant;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * The truth of a format: walks rows block by block, and each format states in {@link #encodeBlock} and
 * {@link #decodeBlock} what a block is. Written to be read beside ggml's definition; the vector twins must agree with
 * it to the byte.
 */
abstract class ScalarKernel implements RowKernel {
    private final GgmlType type;

    ScalarKernel(GgmlType type) {
        this.type = type;
    }

    @Override
    public final GgmlType type() {
        return type;
    }

    /**
     * Encodes one block.
     *
     * @param x             the values of the block, in an array of exactly its size
     * @param importance    one weight per value, or null
     * @param rowMeanSquare mean of x^2 over the whole row; 0 unless {@link #needsRowMeanSquare}
     * @param out           the block's bytes, little-endian, from index 0; may hold old content
     */
    abstract void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out);

    /**
     * Decodes one block.
     *
     * @param in the block's bytes, little-endian, from index 0
     * @param y  receives the values
     * @param at index of the first value
     */
    abstract void decodeBlock(ByteBuffer in, float[] y, int at);

    /** Whether weights depend on the mean square of the row (the formats of 32 do, K-quants use the super-block). */
    boolean needsRowMeanSquare() {
        return false;
    }

    @Override
    public final void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset,
            byte[] dst, int dstOffset) {
        Bounds.checkEncode(type, src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
        int block = type.blockElements();
        float[] x = new float[block];
        float[] q = importance == null ? null : new float[block];
        ByteBuffer out = ByteBuffer.wrap(dst).order(ByteOrder.LITTLE_ENDIAN);
        int at = dstOffset;
        for (int row = 0; row < rows; row++) {
            int rowStart = srcOffset + row * rowLength;
            float meanSquare = q != null && needsRowMeanSquare() ? sumOfSquares(src, rowStart, rowLength) / rowLength : 0;
            for (int column = 0; column < rowLength; column += block) {
                System.arraycopy(src, rowStart + column, x, 0, block);
                if (q != null) {
                    System.arraycopy(importance, importanceOffset + column, q, 0, block);
                }
                encodeBlock(x, q, meanSquare, slice(out, at));
                at += type.blockBytes();
            }
        }
    }

    @Override
    public final void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        Bounds.checkDecode(type, src, srcOffset, elements, dst, dstOffset);
        ByteBuffer in = ByteBuffer.wrap(src).order(ByteOrder.LITTLE_ENDIAN);
        int at = srcOffset;
        for (int i = 0; i < elements; i += type.blockElements()) {
            decodeBlock(slice(in, at), dst, dstOffset + i);
            at += type.blockBytes();
        }
    }

    /**
     * Encodes one block in place: for the vector twins, where a block leaves what lanes can do.
     *
     * @param rowMeanSquare as in {@link #encodeBlock}
     */
    final void encodeOne(float[] src, int at, float[] importance, int importanceAt, float rowMeanSquare, byte[] dst, int to) {
        int block = type.blockElements();
        encodeBlock(Arrays.copyOfRange(src, at, at + block),
                importance == null ? null : Arrays.copyOfRange(importance, importanceAt, importanceAt + block),
                rowMeanSquare, slice(ByteBuffer.wrap(dst), to));
    }

    private ByteBuffer slice(ByteBuffer whole, int at) {
        return whole.slice(at, type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Sum of squares in ascending order, as every weight formula of ggml takes it. */
    static float sumOfSquares(float[] x, int at, int n) {
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            sum += x[i] * x[i];
        }
        return sum;
    }

    /**
     * Weights for the searches with importance: {@code q * sqrt(sigma2 + x^2)}.
     *
     * @param x      values
     * @param q      importance of each value
     * @param sigma2 the mean square that stands for the neighbourhood
     * @return one weight per value
     */
    static float[] importanceWeights(float[] x, float[] q, float sigma2) {
        Objects.requireNonNull(q, "importance");
        float[] w = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            w[i] = q[i] * Rounding.sqrt(sigma2 + x[i] * x[i]);
        }
        return w;
    }

    /** Sum of {@code n} weights in ascending order. */
    static float sum(float[] w, int at, int n) {
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            sum += w[i];
        }
        return sum;
    }
}
