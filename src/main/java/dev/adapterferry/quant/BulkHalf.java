package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;
import static dev.adapterferry.quant.Lanes.INTS;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** F16 and BF16 in chunks: the twin of {@link F16} and {@link BF16}. */
final class BulkHalf implements RowKernel {
    private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
    private static final int CHUNK = 2048;

    private final GgmlType type;

    /** @param type {@link GgmlType#F16} or {@link GgmlType#BF16} */
    BulkHalf(GgmlType type) {
        this.type = type;
    }

    @Override
    public GgmlType type() {
        return type;
    }

    @Override
    public void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset, byte[] dst, int dstOffset) {
        Bounds.checkEncode(type, src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
        int n = rows * rowLength;
        short[] bits = new short[CHUNK];
        for (int i = 0; i < n; i += CHUNK) {
            int count = Math.min(CHUNK, n - i);
            if (type == GgmlType.F16) {
                toHalf(src, srcOffset + i, count, bits);
            } else {
                toBfloat(src, srcOffset + i, count, bits);
            }
            ByteBuffer.wrap(dst, dstOffset + 2 * i, 2 * count).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().put(bits, 0, count);
        }
    }

    /** The compiler makes vectors of this loop wherever the machine converts in hardware. */
    private static void toHalf(float[] src, int at, int n, short[] bits) {
        for (int i = 0; i < n; i++) {
            bits[i] = Float.floatToFloat16(src[at + i]);
        }
    }

    private static void toBfloat(float[] src, int at, int n, short[] bits) {
        int i = 0;
        for (; i <= n - COUNT; i += COUNT) {
            IntVector v = FloatVector.fromArray(FLOATS, src, at + i).reinterpretAsInts();
            VectorMask<Integer> nan = v.and(0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
            IntVector odd = v.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector rounded = v.add(0x7fff).add(odd).blend(v.or(0x400000), nan).lanewise(VectorOperators.LSHR, 16);
            ((ShortVector) rounded.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(bits, i);
        }
        for (; i < n; i++) {
            bits[i] = Rounding.bfloat(src[at + i]);
        }
    }

    @Override
    public void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        Bounds.checkDecode(type, src, srcOffset, elements, dst, dstOffset);
        short[] bits = new short[CHUNK];
        for (int i = 0; i < elements; i += CHUNK) {
            int count = Math.min(CHUNK, elements - i);
            ByteBuffer.wrap(src, srcOffset + 2 * i, 2 * count).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(bits, 0, count);
            if (type == GgmlType.F16) {
                fromHalf(bits, count, dst, dstOffset + i);
            } else {
                fromBfloat(bits, count, dst, dstOffset + i);
            }
        }
    }

    private static void fromHalf(short[] bits, int n, float[] dst, int at) {
        for (int i = 0; i < n; i++) {
            dst[at + i] = Float.float16ToFloat(bits[i]);
        }
    }

    private static void fromBfloat(short[] bits, int n, float[] dst, int at) {
        int i = 0;
        for (; i <= n - COUNT; i += COUNT) {
            IntVector v = (IntVector) ShortVector.fromArray(SHORTS, bits, i).convertShape(VectorOperators.S2I, INTS, 0);
            v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(dst, at + i);
        }
        for (; i < n; i++) {
            dst[at + i] = Rounding.fromBfloat(bits[i]);
        }
    }
}
