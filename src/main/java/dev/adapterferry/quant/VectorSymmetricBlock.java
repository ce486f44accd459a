package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Q4_0 and Q5_0: the twin of {@link SymmetricBlock}; plain along the row, with importance a block to a lane. */
final class VectorSymmetricBlock extends VectorKernel {
    private final boolean five;

    /** @param type {@link GgmlType#Q4_0} or {@link GgmlType#Q5_0} */
    VectorSymmetricBlock(GgmlType type) {
        super(new SymmetricBlock(type));
        five = type == GgmlType.Q5_0;
    }

    @Override
    Batch batch(boolean importance) {
        return importance ? new Weighted(five) : new Plain(five);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        codes.readNibbles32(src, from + (five ? 6 : 2), 32, 0);
        if (five) {
            codes.addFifthBits(Codes.integer(src, from + 2), 0);
        }
        codes.multiply(0, 32, Codes.half(src, from), five ? 16 : 8, 0, y, at);
    }

    private static void put(float d, Codes codes, boolean five, byte[] out, int to) {
        Codes.putHalf(Rounding.half(d), out, to);
        if (five) {
            Codes.putInteger(codes.fifthBits(0), out, to + 2);
        }
        codes.nibbles32(32, out, to + (five ? 6 : 2));
    }

    private static final class Plain extends SingleBlock {
        private final boolean five;
        private final int limit;
        private final Codes codes = new Codes();

        Plain(boolean five) {
            this.five = five;
            limit = five ? 16 : 8;
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            float d = signedMax(x, at) / -limit;
            float k = d != 0 ? 1 / d : 0;
            if (!(Math.abs(k) <= Float.MAX_VALUE)) {
                return false;
            }
            codes.truncate(x, at, 32, 0, k, limit + 0.5f, 2 * limit - 1, 0);
            put(d, codes, five, out, to);
            return true;
        }

        private static float signedMax(float[] x, int at) {
            IntVector largest = IntVector.zero(Lanes.INTS);
            for (int i = at; i < at + 32; i += COUNT) {
                largest = largest.max(Lanes.magnitude(FloatVector.fromArray(FLOATS, x, i)));
            }
            float max = Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
            boolean positive = contains(x, at, max);
            if (positive && max != 0 && contains(x, at, -max)) {
                // Both signs: the first one counts.
                return SymmetricSearch.signedMax(x, at, 32);
            }
            return positive ? max : -max;
        }

        private static boolean contains(float[] x, int at, float value) {
            for (int i = at; i < at + 32; i += COUNT) {
                if (FloatVector.fromArray(FLOATS, x, i).compare(VectorOperators.EQ, value).anyTrue()) {
                    return true;
                }
            }
            return false;
        }
    }

    private static final class Weighted implements Batch {
        private final boolean five;
        private final SymmetricLanes lanes;
        private final float[] weights = new float[32];
        private final Codes codes = new Codes();

        Weighted(boolean five) {
            this.five = five;
            lanes = new SymmetricLanes(SymmetricBlock.search(five), true);
        }

        @Override
        public int size() {
            return COLUMNS;
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float meanSquare) {
            Tiles.put(x, at, 32, 1, lanes.x, slot);
            Tiles.weights(x, at, q, qAt, 32, meanSquare, weights);
            Tiles.put(weights, 0, 32, 1, lanes.w, slot);
        }

        @Override
        public void search() {
            lanes.search();
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            lanes.codes(slot, x, at, codes.codes, 0);
            put(lanes.scale[slot], codes, five, out, to);
            return true;
        }
    }
}
