package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.Ggml;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Scalar and vector kernels against llama.cpp's own C in the embedded library, byte for byte. That build is older than
 * two guards, of August 2025 and March 2026, against groups whose values or weights vanish: under an importance
 * matrix it divides zero by zero there, or fits a scale to noise. We follow the guards, and only such blocks may differ.
 * MXFP4 is younger than the build; {@link CurrentKernelsIT} compares it, and all others, with a build that has the guards.
 */
class LlamaCppKernelsTest {
    private static final int ROWS = 2;
    private static final int ROW_LENGTH = 768;

    static Set<GgmlType> types() {
        EnumSet<GgmlType> types = EnumSet.copyOf(Kernels.types());
        types.remove(GgmlType.MXFP4);
        return types;
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodesEveryKindOfWeightsAsLlamaCppDoes(GgmlType type) {
        for (Samples kind : Samples.values()) {
            float[] x = kind.rows(ROWS, ROW_LENGTH, 17);
            byte[] expected = Ggml.quantize(type, x, ROWS, ROW_LENGTH, null);
            for (RowKernel kernel : kernels(type)) {
                assertThat(differing(type, expected, encode(kernel, x, null))).as("%s, %s, %s", kernel.getClass().getSimpleName(), type, kind).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodesWithImportanceAsLlamaCppDoes(GgmlType type) {
        for (Samples kind : Samples.values()) {
            for (boolean holes : new boolean[] {false, true}) {
                float[] x = kind.rows(ROWS, ROW_LENGTH, 18);
                float[] q = Samples.importance(ROW_LENGTH, holes, 19);
                byte[] expected = Ggml.quantize(type, x, ROWS, ROW_LENGTH, q);
                for (RowKernel kernel : kernels(type)) {
                    assertThat(differing(type, expected, encode(kernel, x, q)))
                            .as("%s, %s, %s, holes %s", kernel.getClass().getSimpleName(), type, kind, holes)
                            .allSatisfy(block -> assertThat(guarded(type, expected, x, q, block)).as("block %d is guarded", block).isTrue());
                }
            }
        }
    }

    /** What the guards are for: groups of values below 1e-15, weights that are all zero, or what C turned into NaN. */
    private static boolean guarded(GgmlType type, byte[] c, float[] x, float[] q, int block) {
        int n = type.blockElements();
        float largest = 0;
        float weight = 0;
        for (int i = 0; i < n; i++) {
            largest = Math.max(largest, Math.abs(x[block * n + i]));
            weight = Math.max(weight, q[(block * n + i) % ROW_LENGTH]);
        }
        return switch (type) {
            case Q2_K, Q4_K, Q5_K -> largest < 1e-13f || NonFinite.inBlocks(type, c, block * type.blockBytes(), n) == 0;
            case IQ4_NL, IQ4_XS -> weight == 0 || NonFinite.inBlocks(type, c, block * type.blockBytes(), n) == 0;
            default -> false;
        };
    }

    @ParameterizedTest
    @MethodSource("types")
    void ordinaryWeightsWithOrdinaryImportanceNeverMeetAGuard(GgmlType type) {
        for (Samples kind : EnumSet.of(Samples.NORMAL, Samples.BF16_VALUED, Samples.SPARSE, Samples.CONSTANT, Samples.OUTLIERS, Samples.MIXED_SCALES)) {
            float[] x = kind.rows(ROWS, ROW_LENGTH, 20);
            float[] q = Samples.importance(ROW_LENGTH, false, 21);
            byte[] expected = Ggml.quantize(type, x, ROWS, ROW_LENGTH, q);
            for (RowKernel kernel : kernels(type)) {
                assertThat(differing(type, expected, encode(kernel, x, q))).as("%s, %s, %s", kernel.getClass().getSimpleName(), type, kind).isEmpty();
            }
        }
    }

    @Test
    void theGuardGivesZerosWhereTheOlderBuildWritesNaN() {
        float[] x = new float[256];
        float[] q = new float[256];
        x[3] = 1;
        q[200] = 1;
        // The one value has no weight: the older build divides zero by zero.
        byte[] old = Ggml.quantize(GgmlType.Q4_K, x, 1, 256, q);
        assertThat(NonFinite.inBlocks(GgmlType.Q4_K, old, 0, 256)).isZero();
        for (RowKernel kernel : kernels(GgmlType.Q4_K)) {
            byte[] out = new byte[144];
            kernel.encode(x, 0, 1, 256, q, 0, out, 0);
            assertThat(NonFinite.inBlocks(GgmlType.Q4_K, out, 0, 256)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void decodesAnyBytesAsLlamaCppDoes(GgmlType type) {
        int elements = 16 * 256;
        byte[] bytes = new byte[(int) type.bytesFor(elements)];
        new Random(3).nextBytes(bytes);
        float[] expected = Ggml.dequantize(type, bytes, elements);
        for (RowKernel kernel : kernels(type)) {
            float[] found = new float[elements];
            kernel.decode(bytes, 0, elements, found, 0);
            for (int i = 0; i < elements; i++) {
                // One kind of NaN is as good as another.
                assertThat(Float.floatToIntBits(found[i])).as("value %d", i).isEqualTo(Float.floatToIntBits(expected[i]));
            }
        }
    }

    @Test
    void roundsEveryHalfOfQ8AwayFromZero() {
        // With 127 in every block the scale is 1, and the other values stand for themselves.
        float[] x = new float[256 * 32];
        int at = 0;
        for (int n = 0; n < 127; n++) {
            for (int ulps = -4; ulps < 4; ulps++) {
                if (at % 32 == 0) {
                    x[at++] = 127;
                }
                float half = n + 0.5f;
                x[at++] = (n % 2 == 0 ? 1 : -1) * Float.intBitsToFloat(Float.floatToIntBits(half) + ulps);
            }
        }
        byte[] expected = Ggml.quantize(GgmlType.Q8_0, x, 1, x.length, null);
        for (RowKernel kernel : kernels(GgmlType.Q8_0)) {
            byte[] out = new byte[expected.length];
            kernel.encode(x, 0, 1, x.length, null, 0, out, 0);
            assertThat(out).isEqualTo(expected);
        }
    }

    private static RowKernel[] kernels(GgmlType type) {
        return new RowKernel[] {Kernels.scalar(type), Kernels.vector(type)};
    }

    private static byte[] encode(RowKernel kernel, float[] x, float[] q) {
        byte[] out = new byte[Math.toIntExact(ROWS * kernel.type().bytesFor(ROW_LENGTH))];
        kernel.encode(x, 0, ROWS, ROW_LENGTH, q, 0, out, 0);
        return out;
    }

    private static List<Integer> differing(GgmlType type, byte[] expected, byte[] found) {
        List<Integer> blocks = new ArrayList<>();
        int size = type.blockBytes();
        for (int at = 0; at < expected.length; at += size) {
            if (!Arrays.equals(expected, at, at + size, found, at, at + size)) {
                blocks.add(at / size);
            }
        }
        return blocks;
    }
}
