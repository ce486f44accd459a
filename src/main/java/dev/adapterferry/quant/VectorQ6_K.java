package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;

import java.util.Arrays;

/** Q6_K with a sub-block to a lane: the twin of {@link Q6_K}. */
final class VectorQ6_K extends VectorKernel {
    VectorQ6_K() {
        super(new Q6_K());
    }

    @Override
    Batch batch(boolean importance) {
        return new SuperBlocks(importance);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        codes.readNibbles256(src, from, 64);
        codes.addPairs256(src, from + 128, 4);
        float d = Codes.half(src, from + 208);
        for (int j = 0; j < 16; j++) {
            codes.multiply(16 * j, 16, d * src[from + 192 + j], 32, 0, y, at + 16 * j);
        }
    }

    private static final class SuperBlocks extends SixteenGroups {
        private final boolean importance;
        private final SymmetricLanes[] lanes = new SymmetricLanes[TILES];
        private final Codes codes = new Codes();
        private final float[] scale = new float[16];

        SuperBlocks(boolean importance) {
            this.importance = importance;
            Arrays.setAll(lanes, t -> new SymmetricLanes(Q6_K.SEARCH, importance));
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            for (int t = 0; t < TILES; t++) {
                Tiles.put(x, at + part(t), 16, GROUPS, lanes[t].x, 16 * slot);
                if (importance) {
                    Tiles.put(q, qAt + part(t), 16, GROUPS, lanes[t].w, 16 * slot);
                }
            }
        }

        @Override
        public void search() {
            for (SymmetricLanes tile : lanes) {
                tile.search();
            }
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            for (int t = 0; t < TILES; t++) {
                System.arraycopy(lanes[t].scale, 16 * slot, scale, t * GROUPS, GROUPS);
            }
            float max = SymmetricSearch.signedMax(scale, 0, 16);
            if (Math.abs(max) < Rounding.GROUP_EPSILON) {
                Arrays.fill(out, to, to + 210, (byte) 0);
                return true;
            }
            float k = -128 / max;
            short half = Rounding.half(1 / k);
            float stored = Float.float16ToFloat(half);
            out[to + 208] = (byte) half;
            out[to + 209] = (byte) (half >> 8);
            for (int j = 0; j < 16; j++) {
                byte level = (byte) Math.min(127, Rounding.nearestEven(k * scale[j]));
                out[to + 192 + j] = level;
                float step = stored * level;
                if (step != 0) {
                    codes.divide(x, at + 16 * j, 16, 0, step, -32, 31, 16 * j);
                } else {
                    lanes[j / GROUPS].codes(16 * slot + j % GROUPS, x, at + 16 * j, codes.codes, 16 * j);
                }
            }
            codes.nibbles256(64, out, to);
            codes.pairs256(4, out, to + 128);
            return true;
        }
    }
}
