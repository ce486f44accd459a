package dev.adapterferry.quant;

import java.util.Arrays;
import java.util.Random;

/** Weights of many kinds for the kernels' tests: likely ones, and those at which a quantizer may stumble. */
enum Samples {
    NORMAL {
        @Override
        float value(Random r, int i) {
            return (float) r.nextGaussian() * 0.02f;
        }
    },
    /** As checkpoints store them; many equal magnitudes. */
    BF16_VALUED {
        @Override
        float value(Random r, int i) {
            return Rounding.fromBfloat(Rounding.bfloat((float) r.nextGaussian() * 0.02f));
        }
    },
    UNIFORM {
        @Override
        float value(Random r, int i) {
            return r.nextFloat() - 0.5f;
        }
    },
    POSITIVE {
        @Override
        float value(Random r, int i) {
            return 1 + r.nextFloat();
        }
    },
    NEGATIVE {
        @Override
        float value(Random r, int i) {
            return -0.1f - r.nextFloat() * 0.001f;
        }
    },
    SPARSE {
        @Override
        float value(Random r, int i) {
            return r.nextInt(10) == 0 ? (float) r.nextGaussian() : 0;
        }
    },
    VERY_SPARSE {
        @Override
        float value(Random r, int i) {
            return r.nextInt(60) == 0 ? (float) r.nextGaussian() : 0;
        }
    },
    OUTLIERS {
        @Override
        float value(Random r, int i) {
            return (float) r.nextGaussian() * (r.nextInt(100) == 0 ? 100 : 0.01f);
        }
    },
    /** Sub-blocks of very different size, so that some get level 0. */
    MIXED_SCALES {
        @Override
        float value(Random r, int i) {
            return (float) r.nextGaussian() * (float) Math.pow(10, i / 16 % 7 - 4);
        }
    },
    ZERO {
        @Override
        float value(Random r, int i) {
            return 0;
        }
    },
    NEGATIVE_ZERO {
        @Override
        float value(Random r, int i) {
            return r.nextBoolean() ? -0f : 0f;
        }
    },
    CONSTANT {
        @Override
        float value(Random r, int i) {
            return 0.25f;
        }
    },
    CONSTANT_NEGATIVE {
        @Override
        float value(Random r, int i) {
            return -0.37f;
        }
    },
    /** Both signs of one magnitude: which comes first decides. */
    TIES {
        @Override
        float value(Random r, int i) {
            return (r.nextInt(3) - 1) * 0.5f;
        }
    },
    /** Halves after scaling: every rounding is a tie. */
    HALVES {
        @Override
        float value(Random r, int i) {
            return r.nextInt(63) / 2f - 15.5f;
        }
    },
    DENORMAL {
        @Override
        float value(Random r, int i) {
            return Float.intBitsToFloat(r.nextInt(0x7fffff) | r.nextInt(2) << 31);
        }
    },
    /** Around 1e-15, where groups begin to count as zero. */
    THRESHOLD {
        @Override
        float value(Random r, int i) {
            return (float) (r.nextGaussian() * 4e-16);
        }
    },
    TINY {
        @Override
        float value(Random r, int i) {
            return (float) (r.nextGaussian() * 1e-25);
        }
    },
    /** Small enough that binary16 scales are subnormal or vanish. */
    SMALL {
        @Override
        float value(Random r, int i) {
            return (float) (r.nextGaussian() * 1e-6);
        }
    },
    HUGE {
        @Override
        float value(Random r, int i) {
            return (float) (r.nextGaussian() * 1e30);
        }
    },
    EXTREME {
        @Override
        float value(Random r, int i) {
            return r.nextInt(8) == 0 ? Float.MAX_VALUE * (r.nextBoolean() ? 1 : -1) : (float) r.nextGaussian();
        }
    },
    ANY_EXPONENT {
        @Override
        float value(Random r, int i) {
            return (float) (Math.exp(r.nextGaussian() * 8) * (r.nextBoolean() ? 1 : -1));
        }
    };

    abstract float value(Random r, int i);

    /** Rows of this kind. */
    float[] rows(int rows, int rowLength, long seed) {
        Random r = new Random(seed);
        float[] x = new float[rows * rowLength];
        for (int i = 0; i < x.length; i++) {
            x[i] = value(r, i);
        }
        return x;
    }

    /** Importance of columns: random, with some columns that do not matter at all when {@code holes}. */
    static float[] importance(int columns, boolean holes, long seed) {
        Random r = new Random(seed);
        float[] q = new float[columns];
        for (int i = 0; i < columns; i++) {
            q[i] = holes && r.nextInt(3) == 0 ? 0 : (float) Math.exp(r.nextGaussian() * 2);
        }
        if (holes && columns >= 64) {
            Arrays.fill(q, 0, 64, 0);
        }
        return q;
    }
}
