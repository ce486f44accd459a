package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Q2_K with a sub-block to a lane: the twin of {@link Q2_K}. */
final class VectorQ2_K extends VectorKernel {
    VectorQ2_K() {
        super(new Q2_K());
    }

    @Override
    Batch batch(boolean importance) {
        return new SuperBlocks(importance);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        Arrays.fill(codes.codes, (byte) 0);
        codes.addPairs256(src, from + 16, 0);
        float d = Codes.half(src, from + 80);
        float dmin = Codes.half(src, from + 82);
        for (int j = 0; j < 16; j++) {
            codes.multiply(16 * j, 16, d * (src[from + j] & 15), 0, dmin * (src[from + j] >> 4 & 15), y, at + 16 * j);
        }
    }

    private static final class SuperBlocks extends SixteenGroups {
        private final boolean importance;
        private final AffineLanes[] lanes = new AffineLanes[TILES];
        private final long[] unsafe = new long[TILES];
        private final Codes codes = new Codes();
        private final float[] weights = new float[256];
        private final float[] scale = new float[16];
        private final float[] min = new float[16];
        private final float[] sumW = new float[16];
        private final int[] a = new int[16];
        private final int[] b = new int[16];

        SuperBlocks(boolean importance) {
            this.importance = importance;
            Arrays.setAll(lanes, t -> new AffineLanes(Q2_K.search(importance)));
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            if (importance) {
                Tiles.weights(x, at, q, qAt, 256, sumOfSquares / 256, weights);
            }
            for (int t = 0; t < TILES; t++) {
                Tiles.put(x, at + part(t), 16, GROUPS, lanes[t].x, 16 * slot);
                if (importance) {
                    Tiles.put(weights, part(t), 16, GROUPS, lanes[t].w, 16 * slot);
                }
            }
        }

        @Override
        public void search() {
            for (int t = 0; t < TILES; t++) {
                if (!importance) {
                    weigh(lanes[t]);
                }
                unsafe[t] = lanes[t].search();
            }
        }

        private static void weigh(AffineLanes lanes) {
            for (int i = 0; i < 16 * COLUMNS; i += COUNT) {
                FloatVector.fromArray(FLOATS, lanes.x, i).abs().intoArray(lanes.w, i);
            }
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            int column = 16 * slot;
            for (int t = 0; t < TILES; t++) {
                if ((unsafe[t] >>> column & (1L << GROUPS) - 1) != 0) {
                    return false;
                }
                System.arraycopy(lanes[t].scale, column, scale, t * GROUPS, GROUPS);
                System.arraycopy(lanes[t].min, column, min, t * GROUPS, GROUPS);
                System.arraycopy(lanes[t].sumW, column, sumW, t * GROUPS, GROUPS);
            }
            ByteBuffer block = ByteBuffer.wrap(out, to, 84).slice().order(ByteOrder.LITTLE_ENDIAN);
            float d = Q2_K.putLevels(scale, a, sumW, importance, block, 80);
            float dmin = Q2_K.putLevels(min, b, sumW, importance, block, 82);
            for (int j = 0; j < 16; j++) {
                byte packed = (byte) (a[j] | b[j] << 4);
                out[to + j] = packed;
                float step = d * (packed & 15);
                if (step != 0) {
                    codes.divide(x, at + 16 * j, 16, dmin * (packed >> 4 & 15), step, 0, 3, 16 * j);
                } else {
                    lanes[j / GROUPS].codes(column + j % GROUPS, x, at + 16 * j, codes.codes, 16 * j);
                }
            }
            codes.pairs256(0, out, to + 16);
            return true;
        }
    }
}
