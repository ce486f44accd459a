package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Q8_0 in vectors along the row: the twin of {@link Q8_0}. */
final class VectorQ8_0 extends VectorKernel {
    /** The largest float below 1/2: added before truncation it rounds halves away from zero, and nothing else wrongly. */
    private static final int BELOW_HALF = Float.floatToRawIntBits(Math.nextDown(0.5f));

    VectorQ8_0() {
        super(new Q8_0());
    }

    @Override
    Batch batch(boolean importance) {
        return new Block();
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        System.arraycopy(src, from + 2, codes.codes, 0, 32);
        codes.multiply(0, 32, Codes.half(src, from), 0, 0, y, at);
    }

    private static final class Block extends SingleBlock {
        private final Codes codes = new Codes();

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            float d = Float.intBitsToFloat(Lanes.largest(x, at, 32)) / 127;
            float k = d != 0 ? 1 / d : 0;
            if (!(k <= Float.MAX_VALUE)) {
                return false;
            }
            Codes.putHalf(Rounding.half(d), out, to);
            round(x, at, k, out, to + 2);
            return true;
        }

        private void round(float[] x, int at, float k, byte[] out, int to) {
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = FloatVector.fromArray(FLOATS, x, at + i).mul(k);
                FloatVector half = v.reinterpretAsInts().and(0x80000000).or(BELOW_HALF).reinterpretAsFloats();
                IntVector code = (IntVector) v.add(half).convert(VectorOperators.F2I, 0);
                if (Codes.FIT) {
                    Codes.store(code, out, to + i);
                } else {
                    codes.store(code, i);
                }
            }
            if (!Codes.FIT) {
                System.arraycopy(codes.codes, 0, out, to, 32);
            }
        }
    }
}
