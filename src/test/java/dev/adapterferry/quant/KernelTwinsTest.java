package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Collections;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The vector kernel of a type writes and reads exactly what its scalar twin does. */
class KernelTwinsTest {
    static Set<GgmlType> types() {
        return Kernels.types();
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodesEveryKindOfWeightsAlike(GgmlType type) {
        int rowLength = 768;
        int rows = 2;
        for (Samples kind : Samples.values()) {
            float[] x = kind.rows(rows, rowLength, 7);
            encodesAlike(type, x, rows, rowLength, null, kind + "");
            encodesAlike(type, x, rows, rowLength, Samples.importance(rowLength, false, 8), kind + " with importance");
            encodesAlike(type, x, rows, rowLength, Samples.importance(rowLength, true, 9), kind + " with holes in the importance");
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodesAwkwardShapesAlike(GgmlType type) {
        for (int rows : new int[] {0, 1, 2, 5}) {
            for (int blocks : new int[] {0, 1, 2, 3, 5, 9}) {
                int rowLength = blocks * type.blockElements();
                float[] x = Samples.NORMAL.rows(rows, rowLength, rows + 31L * blocks);
                encodesAlike(type, x, rows, rowLength, null, rows + " x " + blocks);
                encodesAlike(type, x, rows, rowLength, Samples.importance(rowLength, false, 3), rows + " x " + blocks + " with importance");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void encodesWhatIsNotFiniteWithoutFailingOrHarmingOtherBlocks(GgmlType type) {
        int n = type.blockElements();
        int blocks = 32;
        float[] clean = Samples.NORMAL.rows(1, blocks * n, 5);
        byte[] expected = encode(Kernels.scalar(type), clean, 1, clean.length, null);
        for (float evil : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            float[] x = clean.clone();
            x[11 * n + n / 2] = evil;
            assertThat(NonFinite.inValues(x, 0, x.length)).isEqualTo(11 * n + n / 2);
            byte[] found = encode(Kernels.vector(type), x, 1, x.length, null);
            int bytes = type.blockBytes();
            assertThat(Arrays.copyOf(found, 11 * bytes)).isEqualTo(Arrays.copyOf(expected, 11 * bytes));
            assertThat(Arrays.copyOfRange(found, 12 * bytes, found.length)).isEqualTo(Arrays.copyOfRange(expected, 12 * bytes, found.length));
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void decodesAnyBytesAlike(GgmlType type) {
        for (int blocks : new int[] {0, 1, 2, 3, 5, 20}) {
            byte[] bytes = new byte[blocks * type.blockBytes() + 9];
            new Random(blocks).nextBytes(bytes);
            int elements = blocks * type.blockElements();
            float[] expected = new float[elements + 5];
            float[] found = new float[elements + 5];
            Kernels.scalar(type).decode(bytes, 7, elements, expected, 3);
            Kernels.vector(type).decode(bytes, 7, elements, found, 3);
            for (int i = 0; i < expected.length; i++) {
                // Any NaN is as good as another: compare values, not payloads.
                assertThat(Float.floatToIntBits(found[i])).as("value %d of %d blocks", i, blocks).isEqualTo(Float.floatToIntBits(expected[i]));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void servesManyThreadsAtOnce(GgmlType type) throws Exception {
        RowKernel kernel = Kernels.vector(type);
        int rowLength = 1024;
        float[] q = Samples.importance(rowLength, false, 1);
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            Callable<Integer> work = () -> IntStream.range(0, 4).map(i -> {
                float[] x = Samples.NORMAL.rows(2, rowLength, i);
                return Arrays.hashCode(encode(kernel, x, 2, rowLength, i % 2 == 0 ? null : q));
            }).sum();
            int expected = work.call();
            for (Future<Integer> result : threads.invokeAll(Collections.nCopies(8, work))) {
                assertThat(result.get()).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = GgmlType.class, names = {"Q4_K", "Q8_0", "F16"})
    void refusesRangesOutsideTheArrays(GgmlType type) {
        RowKernel kernel = Kernels.vector(type);
        int bytes = (int) type.bytesFor(256);
        assertThatThrownBy(() -> kernel.encode(new float[255], 0, 1, 256, null, 0, new byte[bytes], 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> kernel.encode(new float[256], 0, 1, 256, null, 0, new byte[bytes], 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> kernel.encode(new float[256], 0, -1, 256, null, 0, new byte[bytes], 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> kernel.decode(new byte[bytes], 1, 256, new float[256], 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> kernel.decode(new byte[bytes], 0, 256, new float[255], 0)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void refusesRowsThatAreNotWholeBlocks() {
        assertThatThrownBy(() -> Kernels.vector(GgmlType.Q4_K).encode(new float[512], 0, 1, 260, null, 0, new byte[512], 0))
                .isInstanceOf(ArithmeticException.class).hasMessageContaining("260");
    }

    private static void encodesAlike(GgmlType type, float[] x, int rows, int rowLength, float[] q, String what) {
        byte[] expected = encode(Kernels.scalar(type), x, rows, rowLength, q);
        byte[] found = encode(Kernels.vector(type), x, rows, rowLength, q);
        for (int at = 0; at < expected.length; at += type.blockBytes()) {
            assertThat(Arrays.copyOfRange(found, at, at + type.blockBytes())).as("%s: %s, block %d", type, what, at / type.blockBytes())
                    .isEqualTo(Arrays.copyOfRange(expected, at, at + type.blockBytes()));
        }
    }

    /** Encodes from and to the middle of larger arrays and checks that nothing around is touched. */
    private static byte[] encode(RowKernel kernel, float[] x, int rows, int rowLength, float[] q) {
        float[] src = new float[x.length + 8];
        System.arraycopy(x, 0, src, 3, x.length);
        float[] importance = q == null ? null : new float[q.length + 8];
        if (q != null) {
            System.arraycopy(q, 0, importance, 5, q.length);
        }
        int bytes = Math.toIntExact(rows * kernel.type().bytesFor(rowLength));
        byte[] dst = new byte[bytes + 16];
        Arrays.fill(dst, (byte) 0x5a);
        kernel.encode(src, 3, rows, rowLength, importance, q == null ? 0 : 5, dst, 7);
        for (int i = 0; i < 16; i++) {
            assertThat(dst[i < 7 ? i : bytes + i]).as("byte outside the blocks").isEqualTo((byte) 0x5a);
        }
        return Arrays.copyOfRange(dst, 7, 7 + bytes);
    }
}
