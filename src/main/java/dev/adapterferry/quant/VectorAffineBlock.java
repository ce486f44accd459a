package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Q4_1 and Q5_1: the twin of {@link AffineBlock}; plain along the row, with importance a block to a lane. */
final class VectorAffineBlock extends VectorKernel {
    private final boolean five;

    /** @param type {@link GgmlType#Q4_1} or {@link GgmlType#Q5_1} */
    VectorAffineBlock(GgmlType type) {
        super(new AffineBlock(type));
        five = type == GgmlType.Q5_1;
    }

    @Override
    Batch batch(boolean importance) {
        return importance ? new Weighted(five) : new Plain(five);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        codes.readNibbles32(src, from + (five ? 8 : 4), 32, 0);
        if (five) {
            codes.addFifthBits(Codes.integer(src, from + 4), 0);
        }
        // Adding m is subtracting -m, to the bit.
        codes.multiply(0, 32, Codes.half(src, from), 0, -Codes.half(src, from + 2), y, at);
    }

    private static void put(float d, float m, Codes codes, boolean five, byte[] out, int to) {
        Codes.putHalf(Rounding.half(d), out, to);
        Codes.putHalf(Rounding.half(m), out, to + 2);
        if (five) {
            Codes.putInteger(codes.fifthBits(0), out, to + 4);
        }
        codes.nibbles32(32, out, to + (five ? 8 : 4));
    }

    private static final class Plain extends SingleBlock {
        private final boolean five;
        private final int limit;
        private final Codes codes = new Codes();

        Plain(boolean five) {
            this.five = five;
            limit = five ? 31 : 15;
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            float min = min(x, at);
            float max = max(x, at);
            float d = (max - min) / limit;
            float k = d != 0 ? 1 / d : 0;
            if (min == 0 || max == 0 || !(k <= Float.MAX_VALUE)) {
                // Which sign a zero has depends on the order of the values.
                return false;
            }
            codes.truncate(x, at, 32, min, k, 0.5f, five ? Integer.MAX_VALUE : 15, 0);
            put(d, min, codes, five, out, to);
            return true;
        }

        private static float min(float[] x, int at) {
            FloatVector min = FloatVector.fromArray(FLOATS, x, at);
            for (int i = at + COUNT; i < at + 32; i += COUNT) {
                min = min.min(FloatVector.fromArray(FLOATS, x, i));
            }
            return min.reduceLanes(VectorOperators.MIN);
        }

        private static float max(float[] x, int at) {
            FloatVector max = FloatVector.fromArray(FLOATS, x, at);
            for (int i = at + COUNT; i < at + 32; i += COUNT) {
                max = max.max(FloatVector.fromArray(FLOATS, x, i));
            }
            return max.reduceLanes(VectorOperators.MAX);
        }
    }

    private static final class Weighted implements Batch {
        private final boolean five;
        private final AffineLanes lanes;
        private final float[] weights = new float[32];
        private final Codes codes = new Codes();
        private long unsafe;

        Weighted(boolean five) {
            this.five = five;
            lanes = new AffineLanes(AffineBlock.search(five));
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
            unsafe = lanes.search();
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            if ((unsafe >>> slot & 1) != 0) {
                return false;
            }
            lanes.codes(slot, x, at, codes.codes, 0);
            put(lanes.scale[slot], -lanes.min[slot], codes, five, out, to);
            return true;
        }
    }
}
