package dev.adapterferry.quant;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Q3_K with a sub-block to a lane: the twin of {@link Q3_K}. */
final class VectorQ3_K extends VectorKernel {
    VectorQ3_K() {
        super(new Q3_K());
    }

    @Override
    Batch batch(boolean importance) {
        return importance ? new Weighted() : new Plain();
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        Arrays.fill(codes.codes, (byte) 0);
        codes.addBits256(src, from, 2);
        codes.addPairs256(src, from + 32, 0);
        ByteBuffer block = ByteBuffer.wrap(src);
        float d = Codes.half(src, from + 108);
        for (int j = 0; j < 16; j++) {
            codes.multiply(16 * j, 16, d * (Q3_K.level(block, from, j) - 32), 4, 0, y, at + 16 * j);
        }
    }

    /** What both ways of searching have in common. */
    private abstract static class SuperBlocks extends SixteenGroups {
        final float[] scale = new float[16];
        final float[] sumW = new float[16];
        final Codes codes = new Codes();
        private final int[] levels = new int[16];

        /** Brings scales and sums of weights of one super-block into order. */
        abstract void collect(int column);

        /** The codes that the search itself chose for sub-block j. */
        abstract void ownCodes(int column, int j, float[] x, int at);

        abstract boolean isWeighted();

        @Override
        public final boolean write(int slot, float[] x, int at, byte[] out, int to) {
            collect(16 * slot);
            ByteBuffer block = ByteBuffer.wrap(out, to, 110).slice().order(ByteOrder.LITTLE_ENDIAN);
            float d = Q3_K.putLevels(scale, levels, sumW, isWeighted(), block);
            for (int j = 0; j < 16; j++) {
                float step = d * (levels[j] - 32);
                if (step != 0) {
                    codes.divide(x, at + 16 * j, 16, 0, step, -4, 3, 16 * j);
                } else {
                    ownCodes(16 * slot, j, x, at + 16 * j);
                }
            }
            codes.bits256(2, out, to);
            codes.pairs256(0, out, to + 32);
            return true;
        }
    }

    private static final class Plain extends SuperBlocks {
        private final RefinedLanes[] lanes = new RefinedLanes[TILES];

        Plain() {
            Arrays.setAll(lanes, t -> new RefinedLanes());
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            for (int t = 0; t < TILES; t++) {
                Tiles.put(x, at + part(t), 16, GROUPS, lanes[t].x, 16 * slot);
            }
        }

        @Override
        public void search() {
            for (RefinedLanes tile : lanes) {
                tile.search();
            }
        }

        @Override
        void collect(int column) {
            for (int t = 0; t < TILES; t++) {
                System.arraycopy(lanes[t].scale, column, scale, t * GROUPS, GROUPS);
            }
        }

        @Override
        void ownCodes(int column, int j, float[] x, int at) {
            lanes[j / GROUPS].codes(column + j % GROUPS, codes.codes, 16 * j);
        }

        @Override
        boolean isWeighted() {
            return false;
        }
    }

    private static final class Weighted extends SuperBlocks {
        private final SymmetricLanes[] lanes = new SymmetricLanes[TILES];
        private final float[] weights = new float[256];

        Weighted() {
            Arrays.setAll(lanes, t -> new SymmetricLanes(Q3_K.WEIGHTED, true));
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            Tiles.weights(x, at, q, qAt, 256, 2 * sumOfSquares / 256, weights);
            for (int t = 0; t < TILES; t++) {
                Tiles.put(x, at + part(t), 16, GROUPS, lanes[t].x, 16 * slot);
                Tiles.put(weights, part(t), 16, GROUPS, lanes[t].w, 16 * slot);
            }
        }

        @Override
        public void search() {
            for (SymmetricLanes tile : lanes) {
                tile.search();
            }
        }

        @Override
        void collect(int column) {
            for (int t = 0; t < TILES; t++) {
                System.arraycopy(lanes[t].scale, column, scale, t * GROUPS, GROUPS);
                lanes[t].sumWeights(column, GROUPS, sumW, t * GROUPS);
            }
        }

        @Override
        void ownCodes(int column, int j, float[] x, int at) {
            lanes[j / GROUPS].codes(column + j % GROUPS, x, at, codes.codes, 16 * j);
        }

        @Override
        boolean isWeighted() {
            return true;
        }
    }
}
