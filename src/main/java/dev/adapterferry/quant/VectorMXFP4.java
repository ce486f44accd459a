package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;
import static dev.adapterferry.quant.Lanes.INTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * MXFP4 in vectors along the row: the twin of {@link MXFP4}. The nearest level is found by comparing with the midpoints between levels:
 * around them the distances that the scalar code compares are exact, so both decide alike, and both give a tie to the smaller level.
 */
final class VectorMXFP4 extends VectorKernel {
    /** Magnitudes up to this mantissa lie so far below the next power of two that their logarithm cannot round up to it. */
    private static final int CLEAR_MANTISSA = 0x7fff00;
    /** Exponents of scales whose levels and midpoints are all normal and finite. */
    private static final int SMALLEST = 3;
    private static final int LARGEST = 252;

    VectorMXFP4() {
        super(new MXFP4());
    }

    @Override
    Batch batch(boolean importance) {
        return new Block();
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        float scale = MXFP4.halfScale(src[from] & 0xff);
        codes.readNibbles32(src, from + 1, 32, 0);
        for (int i = 0; i < 32; i++) {
            y[at + i] = MXFP4.doubled(codes.codes[i]) * scale;
        }
    }

    private static final class Block extends SingleBlock {
        private final Codes codes = new Codes();

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            int largest = Lanes.largest(x, at, 32);
            int e = (largest >> 23) - 2;
            if ((largest & 0x7fffff) > CLEAR_MANTISSA || e < SMALLEST || e > LARGEST) {
                // All zero, close to a power of two, or near the ends of binary32, NaN included.
                return false;
            }
            round(x, at, MXFP4.halfScale(e));
            out[to] = (byte) e;
            codes.nibbles32(32, out, to + 1);
            return true;
        }

        private void round(float[] x, int at, float scale) {
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = FloatVector.fromArray(FLOATS, x, at + i);
                IntVector magnitude = Lanes.magnitude(v);
                IntVector code = above(magnitude, 0.5f * scale).add(above(magnitude, 1.5f * scale)).add(above(magnitude, 2.5f * scale)).add(above(magnitude, 3.5f * scale))
                        .add(above(magnitude, 5 * scale)).add(above(magnitude, 7 * scale)).add(above(magnitude, 10 * scale));
                // The sign's place is bit 3; what rounds to zero has none.
                IntVector sign = v.reinterpretAsInts().lanewise(VectorOperators.LSHR, 28).and(code.neg().lanewise(VectorOperators.LSHR, 28)).and(8);
                codes.store(code.or(sign), i);
            }
        }

        /** 1 where a magnitude is above a limit: bits of positive floats order like the values, so the difference's sign tells. */
        private static IntVector above(IntVector magnitude, float limit) {
            return IntVector.broadcast(INTS, Float.floatToRawIntBits(limit)).sub(magnitude).lanewise(VectorOperators.LSHR, 31);
        }
    }
}
