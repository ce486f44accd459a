package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** IQ4_NL and IQ4_XS with a sub-block to a lane: the twin of {@link IQ4_NL} and {@link IQ4_XS}. */
final class VectorIQ4 extends VectorKernel {
    private final int groups;

    /** @param type {@link GgmlType#IQ4_NL} or {@link GgmlType#IQ4_XS} */
    VectorIQ4(GgmlType type) {
        super(type == GgmlType.IQ4_XS ? new IQ4_XS() : new IQ4_NL());
        groups = type.blockElements() / 32;
    }

    @Override
    Batch batch(boolean importance) {
        return new Blocks(groups, importance);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        float d = Codes.half(src, from);
        codes.readNibbles32(src, from + (groups == 1 ? 2 : 8), 32 * groups, 0);
        ByteBuffer block = ByteBuffer.wrap(src).order(ByteOrder.LITTLE_ENDIAN);
        for (int b = 0; b < groups; b++) {
            float step = groups == 1 ? d : d * IQ4_XS.level(block, from, b);
            for (int i = 32 * b; i < 32 * b + 32; i++) {
                y[at + i] = step * CodebookSearch.level(codes.codes[i]);
            }
        }
    }

    private static final class Blocks implements Batch {
        private final int groups;
        private final boolean importance;
        private final CodebookLanes lanes;
        private final float[] weights = new float[256];
        private final float[] scale = new float[8];
        private final int[] levels = new int[8];
        private final Codes codes = new Codes();

        Blocks(int groups, boolean importance) {
            this.groups = groups;
            this.importance = importance;
            lanes = new CodebookLanes(importance);
        }

        @Override
        public int size() {
            return COLUMNS / groups;
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            Tiles.put(x, at, 32, groups, lanes.x, groups * slot);
            if (importance) {
                Tiles.weights(x, at, q, qAt, 32 * groups, sumOfSquares * (2f / (32 * groups)), weights);
                Tiles.put(weights, 0, 32, groups, lanes.w, groups * slot);
            }
        }

        @Override
        public void search() {
            lanes.search();
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            ByteBuffer block = ByteBuffer.wrap(out, to, groups == 1 ? 18 : 136).slice().order(ByteOrder.LITTLE_ENDIAN);
            if (groups == 1) {
                float d = lanes.scale[slot];
                block.putShort(0, Rounding.half(d));
                codes.nearestLevels(x, at, 32, d != 0 ? 1 / d : 0, 0);
                codes.nibbles32(32, out, to + 2);
                return true;
            }
            System.arraycopy(lanes.scale, 8 * slot, scale, 0, 8);
            float d = IQ4_XS.putLevels(scale, levels, block);
            for (int b = 0; b < 8; b++) {
                float step = d * levels[b];
                codes.nearestLevels(x, at + 32 * b, 32, step != 0 ? 1 / step : 0, 32 * b);
            }
            codes.nibbles32(256, out, to + 8);
            return true;
        }
    }
}
