package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The scalar kernels, whose vector twins {@link KernelTwinsTest} holds to them, against {@code ggml_quantize_chunk} of the llama.cpp of autumn 2026, which knows MXFP4 and has the guards that the embedded
 * build lacks: here no block of any format may differ, with one exception that C leaves undefined.
 */
class CurrentKernelsIT {
    private static final int ROW_LENGTH = 768;

    static Set<GgmlType> types() {
        return Kernels.types();
    }

    @BeforeAll
    static void library() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodeEveryKindOfWeightsAlike(GgmlType type) {
        for (Samples kind : Samples.values()) {
            float[] x = kind.rows(1, ROW_LENGTH, 41);
            compare(type, x, null, kind + "");
            compare(type, x, Samples.importance(ROW_LENGTH, true, 43), kind + " with holes in the importance");
        }
    }

    /** The scale of MXFP4 follows the logarithm of the largest magnitude, and just below a power of two a float's logarithm rounds up to it. */
    @Test
    void mxfp4FollowsTheLogarithmAroundPowersOfTwo() {
        float[] x = new float[250 * 64 * 32];
        for (int block = 0; block < x.length / 32; block++) {
            int power = 4 + block / 64 << 23;
            x[32 * block + block % 32] = (block % 3 == 0 ? -1 : 1) * Float.intBitsToFloat(power + (block % 64 - 60) * (block % 2 == 0 ? 1 : 13));
            x[32 * block + (block + 7) % 32] = Float.intBitsToFloat(power) / 3;
        }
        byte[] expected = CurrentLlama.quantizeChunk(GgmlType.MXFP4.id(), x, 1, null);
        for (RowKernel kernel : new RowKernel[] {Kernels.scalar(GgmlType.MXFP4), Kernels.vector(GgmlType.MXFP4)}) {
            byte[] found = new byte[expected.length];
            kernel.encode(x, 0, 1, x.length, null, 0, found, 0);
            assertThat(found).isEqualTo(expected);
        }
    }

    private static void compare(GgmlType type, float[] x, float[] q, String what) {
        byte[] expected = CurrentLlama.quantizeChunk(type.id(), x, 1, q);
        byte[] found = new byte[expected.length];
        Kernels.scalar(type).encode(x, 0, 1, x.length, q, 0, found, 0);
        for (int at = 0; at < expected.length; at += type.blockBytes()) {
            if (!Arrays.equals(found, at, at + type.blockBytes(), expected, at, at + type.blockBytes())) {
                assertThat(undefined(type, x, at / type.blockBytes())).as("%s, %s, block %d differs", type, what, at / type.blockBytes()).isTrue();
            }
        }
    }

    /** Below 2^-125 the exponent of MXFP4 is negative, and C does not say what a negative number is as an unsigned byte; ours is 0. */
    private static boolean undefined(GgmlType type, float[] x, int block) {
        return type == GgmlType.MXFP4 && NonFinite.largest(x, 32 * block, 32 * block + 32) < 0x1p-125f;
    }
}
