package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;
import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/** Q4_K and Q5_K with a sub-block to a lane: the twin of {@link AffineSuperBlock}. */
final class VectorAffineSuperBlock extends VectorKernel {
    private final AffineSuperBlock scalar;

    /** @param type {@link GgmlType#Q4_K} or {@link GgmlType#Q5_K} */
    VectorAffineSuperBlock(GgmlType type) {
        this(new AffineSuperBlock(type));
    }

    private VectorAffineSuperBlock(AffineSuperBlock scalar) {
        super(scalar);
        this.scalar = scalar;
    }

    @Override
    Batch batch(boolean importance) {
        return new SuperBlocks(scalar, importance);
    }

    @Override
    void decodeBlock(byte[] src, int from, float[] y, int at, Codes codes) {
        codes.readNibbles256(src, from + scalar.nibblesAt(), 32);
        if (scalar.limit() == 31) {
            codes.addBits256(src, from + 16, 4);
        }
        ByteBuffer block = ByteBuffer.wrap(src);
        float d = Codes.half(src, from);
        float dmin = Codes.half(src, from + 2);
        for (int j = 0; j < 8; j++) {
            codes.multiply(32 * j, 32, d * SixBitScales.scale(block, from + 4, j), 0, dmin * SixBitScales.min(block, from + 4, j), y, at + 32 * j);
        }
    }

    private static final class SuperBlocks implements Batch {
        private final AffineSuperBlock format;
        private final boolean importance;
        private final AffineLanes lanes;
        private final float[] weights = new float[256];
        private final Codes codes = new Codes();
        private final float[] scale = new float[8];
        private final float[] min = new float[8];
        private final float[] sumW = new float[8];
        private final int[] a = new int[8];
        private final int[] b = new int[8];
        private long unsafe;

        SuperBlocks(AffineSuperBlock format, boolean importance) {
            this.format = format;
            this.importance = importance;
            lanes = new AffineLanes(format.search(importance));
        }

        @Override
        public int size() {
            return COLUMNS / 8;
        }

        @Override
        public void load(int slot, float[] x, int at, float[] q, int qAt, float sumOfSquares) {
            Tiles.put(x, at, 32, 8, lanes.x, 8 * slot);
            if (importance) {
                Tiles.weights(x, at, q, qAt, 256, 2 * sumOfSquares / 256, weights);
                Tiles.put(weights, 0, 32, 8, lanes.w, 8 * slot);
            }
        }

        @Override
        public void search() {
            if (!importance) {
                weigh(0);
                weigh(COUNT);
            }
            unsafe = lanes.search();
        }

        private void weigh(int at) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = at; i < 32 * COLUMNS; i += COLUMNS) {
                FloatVector v = FloatVector.fromArray(FLOATS, lanes.x, i);
                sum = sum.add(v.mul(v));
            }
            FloatVector rms = sum.div(32).sqrt();
            for (int i = at; i < 32 * COLUMNS; i += COLUMNS) {
                rms.add(FloatVector.fromArray(FLOATS, lanes.x, i).abs()).intoArray(lanes.w, i);
            }
        }

        @Override
        public boolean write(int slot, float[] x, int at, byte[] out, int to) {
            int column = 8 * slot;
            if ((unsafe >>> column & 0xff) != 0) {
                return false;
            }
            System.arraycopy(lanes.scale, column, scale, 0, 8);
            System.arraycopy(lanes.min, column, min, 0, 8);
            System.arraycopy(lanes.sumW, column, sumW, 0, 8);
            ByteBuffer block = ByteBuffer.wrap(out, to, format.type().blockBytes()).slice().order(ByteOrder.LITTLE_ENDIAN);
            float d = format.putLevels(scale, a, sumW, importance, block, 0);
            float dmin = format.putLevels(min, b, sumW, importance, block, 2);
            SixBitScales.put(a, b, block, 4);
            for (int j = 0; j < 8; j++) {
                float step = d * a[j];
                if (step != 0) {
                    codes.divide(x, at + 32 * j, 32, dmin * b[j], step, 0, format.limit(), 32 * j);
                } else {
                    lanes.codes(column + j, x, at + 32 * j, codes.codes, 32 * j);
                }
            }
            if (format.limit() == 31) {
                codes.bits256(4, out, to + 16);
            }
            codes.nibbles256(32, out, to + format.nibblesAt());
            return true;
        }
    }
}
