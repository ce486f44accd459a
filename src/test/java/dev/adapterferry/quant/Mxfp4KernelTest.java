package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** MXFP4 where it is delicate. That its bytes are llama.cpp's is shown by {@link CurrentKernelsIT}. */
class Mxfp4KernelTest {
    private static final GgmlType TYPE = GgmlType.MXFP4;
    private static final int ROWS = 4;
    private static final int COLUMNS = 768;

    /** Midpoints between levels go to the smaller magnitude; the next float above does not. */
    @ParameterizedTest
    @ValueSource(floats = {0x1p-120f, 0x1p-30f, 1, 0x1p+30f, 0x1p+120f})
    void midpointsGoToTheSmallerLevel(float scale) {
        float[] midpoints = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5};
        float[] levels = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
        for (RowKernel kernel : twins()) {
            float[] x = new float[32];
            for (int i = 0; i < 7; i++) {
                x[4 * i] = midpoints[i] * scale;
                x[4 * i + 1] = Math.nextUp(midpoints[i] * scale);
                x[4 * i + 2] = -x[4 * i];
                x[4 * i + 3] = -x[4 * i + 1];
            }
            x[31] = 6 * scale;
            float[] y = new float[32];
            kernel.decode(encode(kernel, x, 1), 0, 32, y, 0);
            for (int i = 0; i < 7; i++) {
                assertThat(Arrays.copyOfRange(y, 4 * i, 4 * i + 4)).as("around %s", midpoints[i])
                        .containsExactly(new float[] {levels[i] * scale, levels[i + 1] * scale, levels[i] == 0 ? 0 : -levels[i] * scale, -levels[i + 1] * scale});
            }
        }
    }

    /** What is MXFP4 already, gpt-oss's experts for example, loses nothing when it is encoded again. */
    @Test
    void encodingWhatIsMxfp4AlreadyKeepsEveryValue() {
        Random random = new Random(4);
        byte[] stored = new byte[17 * 1000];
        random.nextBytes(stored);
        for (int block = 0; block < 1000; block++) {
            // Few codes in some blocks, so that the largest one is missing there and another scale serves as well.
            stored[17 * block] = (byte) (20 + random.nextInt(220));
            int mask = new int[] {0xff, 0xbb, 0x99, 0xdd, 0xaa, 0}[random.nextInt(6)];
            for (int i = 1; i < 17; i++) {
                stored[17 * block + i] &= (byte) mask;
            }
        }
        for (RowKernel kernel : twins()) {
            float[] values = new float[32 * 1000];
            kernel.decode(stored, 0, values.length, values, 0);
            float[] again = new float[values.length];
            kernel.decode(encode(kernel, values, 1), 0, values.length, again, 0);
            for (int i = 0; i < values.length; i++) {
                // Zero loses its sign.
                assertThat(again[i] + 0f).isEqualTo(values[i] + 0f);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Samples.class, names = {"ZERO", "NEGATIVE_ZERO", "DENORMAL"})
    void vanishingBlocksBecomeZerosOrTheirDenormalNeighbours(Samples kind) {
        for (RowKernel kernel : twins()) {
            float[] x = kind.rows(ROWS, COLUMNS, 3);
            float[] y = new float[x.length];
            kernel.decode(encode(kernel, x, ROWS), 0, x.length, y, 0);
            for (int i = 0; i < x.length; i++) {
                // The smallest scale is 2^-128 per half level, and 12 halves reach over every denormal.
                assertThat(Math.abs(y[i] - x[i])).isLessThanOrEqualTo(0x1p-127f);
            }
        }
    }

    private static RowKernel[] twins() {
        return new RowKernel[] {Kernels.scalar(TYPE), Kernels.vector(TYPE)};
    }

    private static byte[] encode(RowKernel kernel, float[] x, int rows) {
        byte[] out = new byte[Math.toIntExact(TYPE.bytesFor(x.length))];
        kernel.encode(x, 0, rows, x.length / rows, null, 0, out, 0);
        return out;
    }
}
