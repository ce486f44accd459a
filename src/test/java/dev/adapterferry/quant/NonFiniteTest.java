package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NonFiniteTest {
    @Test
    void findsTheFirstValueWhereverItStands() {
        for (int n : new int[] {0, 1, 2, 255, 1023, 1024, 1025, 3000}) {
            float[] x = new float[n + 4];
            Arrays.fill(x, -Float.MAX_VALUE);
            assertThat(NonFinite.inValues(x, 2, n)).isEqualTo(-1);
            // Outside of the range it does not count.
            x[1] = Float.NaN;
            x[n + 2] = Float.NaN;
            assertThat(NonFinite.inValues(x, 2, n)).isEqualTo(-1);
            for (int i = 0; i < n; i += 1 + n / 50) {
                for (float evil : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                    x[2 + i] = evil;
                    assertThat(NonFinite.inValues(x, 2, n)).isEqualTo(i);
                    x[2 + i] = 1;
                }
            }
        }
    }

    @Test
    void findsTheLargestMagnitude() {
        SplittableRandom random = new SplittableRandom(5);
        for (int n = 0; n < 200; n++) {
            float[] x = new float[n + 4];
            float largest = 0;
            Arrays.fill(x, Float.NaN);
            for (int i = 0; i < n; i++) {
                x[2 + i] = n % 7 == 0 ? -Float.MIN_VALUE * random.nextInt(3) : Float.intBitsToFloat(random.nextInt() & 0xbfffffff);
                largest = Math.max(largest, Math.abs(x[2 + i]));
            }
            assertThat(NonFinite.largest(x, 2, 2 + n)).as("of %d", n).isEqualTo(largest);
            for (float evil : n == 0 ? new float[0] : new float[] {Float.NEGATIVE_INFINITY, Float.NaN, Float.POSITIVE_INFINITY, -Float.NaN}) {
                // A NaN that is there wins, wherever it stands.
                x[2 + random.nextInt(n)] = evil;
                float bad = NonFinite.largest(x, 2, 2 + n);
                boolean nan = false;
                for (int i = 0; i < n; i++) {
                    nan |= Float.isNaN(x[2 + i]);
                }
                assertThat(nan ? Float.isNaN(bad) : bad == Float.POSITIVE_INFINITY).as("%s of %d values", bad, n).isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = GgmlType.class, names = {"F16", "BF16", "F32"})
    void findsPlainElements(GgmlType type) {
        RowKernel kernel = Kernels.scalar(type);
        for (int n : new int[] {1, 7, 8, 9, 100}) {
            float[] x = new float[n];
            Arrays.fill(x, 60000);
            for (int i = 0; i < n; i++) {
                byte[] bytes = new byte[n * type.blockBytes() + 3];
                kernel.encode(x, 0, 1, n, null, 0, bytes, 3);
                assertThat(NonFinite.inBlocks(type, bytes, 3, n)).isEqualTo(-1);
                for (float evil : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                    kernel.encode(new float[] {evil}, 0, 1, 1, null, 0, bytes, 3 + i * type.blockBytes());
                    assertThat(NonFinite.inBlocks(type, bytes, 3, n)).as("%s at %d of %d", evil, i, n).isEqualTo(i);
                }
            }
        }
    }

    @ParameterizedTest(name = "a scale of {0} at byte {1}")
    @CsvSource({
        "Q8_0, 0", "Q4_0, 0", "Q5_0, 0", "Q4_1, 0", "Q4_1, 2", "Q5_1, 0", "Q5_1, 2", "Q2_K, 80", "Q2_K, 82", "Q3_K, 108", "Q4_K, 0", "Q4_K, 2",
        "Q5_K, 0", "Q5_K, 2", "Q6_K, 208", "IQ4_NL, 0", "IQ4_XS, 0"
    })
    void findsScalesThatOverflowed(GgmlType type, int at) {
        byte[] bytes = new byte[5 * type.blockBytes()];
        assertThat(NonFinite.inBlocks(type, bytes, 0, 5 * type.blockElements())).isEqualTo(-1);
        for (int high : new int[] {0x7c, 0xfc, 0x7e}) {
            bytes[3 * type.blockBytes() + at + 1] = (byte) high;
            int found = NonFinite.inBlocks(type, bytes, 0, 5 * type.blockElements());
            assertThat(found).isEqualTo(3 * type.blockElements());
            float[] y = new float[5 * type.blockElements()];
            Kernels.scalar(type).decode(bytes, 0, y.length, y, 0);
            assertThat(NonFinite.inValues(y, 0, found)).isEqualTo(-1);
            assertThat(NonFinite.inValues(y, found, type.blockElements())).isGreaterThanOrEqualTo(0);
        }
    }

    @Test
    void aBlockOfHugeValuesIsFoundAfterEncoding() {
        for (GgmlType type : Kernels.types()) {
            if (!type.isQuantized() || type == GgmlType.MXFP4) {
                continue;
            }
            float[] x = Samples.NORMAL.rows(1, type.blockElements(), 1);
            for (int i = 0; i < x.length; i++) {
                x[i] *= 5e11f;
            }
            byte[] bytes = new byte[type.blockBytes()];
            Kernels.forType(type).encode(x, 0, 1, x.length, null, 0, bytes, 0);
            assertThat(NonFinite.inBlocks(type, bytes, 0, x.length)).as(type.name()).isZero();
        }
        byte[] mxfp4 = new byte[17];
        mxfp4[0] = (byte) 0xff;
        assertThat(NonFinite.inBlocks(GgmlType.MXFP4, mxfp4, 0, 32)).isZero();
    }

    /** What lets the pass look at the values alone. */
    @Test
    void noScaleOverflowsWhereEveryValueIsFarFromDoingSo() {
        SplittableRandom random = new SplittableRandom(7);
        for (GgmlType type : Kernels.types()) {
            int n = 16 * type.blockElements();
            for (int round = 0; round < 60; round++) {
                float[] x = new float[n];
                float[] importance = new float[n];
                for (int i = 0; i < n; i++) {
                    // Blocks of both extremes, of one of them, and of anything between, under weights that differ a millionfold.
                    float share = round % 3 == 0 ? 1 : round % 3 == 1 ? (random.nextInt(30) == 0 ? 1 : 0) : (float) random.nextDouble();
                    x[i] = 65504f / 64 * share * (random.nextInt(1 + round % 7) == 0 ? 1 : -1);
                    importance[i] = (float) Math.exp(random.nextDouble() * 14);
                }
                for (float[] weights : new float[][] {null, importance}) {
                    byte[] bytes = new byte[Math.toIntExact(type.bytesFor(n))];
                    Kernels.forType(type).encode(x, 0, 1, n, weights, 0, bytes, 0);
                    assertThat(NonFinite.inBlocks(type, bytes, 0, n)).as("%s, round %d, importance %s", type, round, weights != null).isEqualTo(-1);
                }
            }
        }
    }
}
