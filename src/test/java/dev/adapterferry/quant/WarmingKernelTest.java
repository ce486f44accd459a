package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WarmingKernelTest {
    private static final long MILLISECOND = 1_000_000;

    private final AtomicLong now = new AtomicLong();
    private final Timed scalar = new Timed(10_000);
    private final Timed vector = new Timed(1_000_000);
    private final WarmingKernel kernel = new WarmingKernel(scalar, vector, now::get);

    @Test
    void smallWorkIsDoneByTheScalarKernelAlone() {
        encode(300);
        decode(300);
        assertThat(vector.values).isZero();
        assertThat(scalar.values).isEqualTo(600 * 32);
    }

    @Test
    void theVectorKernelIsTriedUntilItIsTheFasterOneAndThenWorksAlone() {
        warmUp();
        assertThat(vector.values).isBetween(1L, scalar.values);
        vector.nanosPerValue = 1;
        for (int i = 0; i < 100; i++) {
            encode(200);
        }
        long scalarValues = scalar.values;
        encode(200);
        assertThat(scalar.values).isEqualTo(scalarValues);
    }

    @Test
    void trialsNeverTakeMoreTimeThanTheScalarKernelHasWorked() {
        for (int i = 0; i < 400; i++) {
            encode(200);
            assertThat(vector.nanos).isLessThan(scalar.nanos + 4096 * vector.nanosPerValue);
        }
        assertThat(vector.nanos).isGreaterThan(scalar.nanos / 2);
    }

    @Test
    void rehearsalsMakeItReadyBesideTheRealWork() {
        assertThat(kernel.rehearse(false)).isFalse();
        encode(200);
        assertThat(vector.values).as("real work is left to the scalar kernel").isEqualTo(4096);
        vector.nanosPerValue = 1;
        assertThat(kernel.rehearse(true)).isTrue();
        long scalarValues = scalar.values;
        encode(200);
        assertThat(scalar.values).isEqualTo(scalarValues);
    }

    @Test
    void encodingAndDecodingWarmApart() {
        warmUp();
        vector.nanosPerValue = 1;
        encode(200);
        long tried = vector.values;
        decode(10);
        assertThat(vector.values).isEqualTo(tried);
    }

    /** Lets the scalar kernel work for longer than the vector kernel has to wait, and the trials begin. */
    private void warmUp() {
        while (scalar.nanos < 400 * MILLISECOND) {
            encode(200);
        }
    }

    /** Encodes rows of one block each and checks that every row got its own bytes. */
    private void encode(int rows) {
        float[] x = Samples.NORMAL.rows(rows, 32, rows);
        byte[] out = new byte[rows * 34];
        kernel.encode(x, 0, rows, 32, null, 0, out, 0);
        byte[] expected = new byte[rows * 34];
        new Q8_0().encode(x, 0, rows, 32, null, 0, expected, 0);
        assertThat(Arrays.equals(out, expected)).isTrue();
    }

    private void decode(int blocks) {
        byte[] in = new byte[blocks * 34];
        new Q8_0().encode(Samples.NORMAL.rows(blocks, 32, 3), 0, blocks, 32, null, 0, in, 0);
        float[] out = new float[blocks * 32];
        kernel.decode(in, 0, out.length, out, 0);
        float[] expected = new float[blocks * 32];
        new Q8_0().decode(in, 0, out.length, expected, 0);
        assertThat(out).isEqualTo(expected);
    }

    /** A real kernel that takes as long, by the test's clock, as it is told. */
    private final class Timed implements RowKernel {
        private final RowKernel real = new Q8_0();
        private long nanosPerValue;
        private long values;
        private long nanos;

        Timed(long nanosPerValue) {
            this.nanosPerValue = nanosPerValue;
        }

        @Override
        public GgmlType type() {
            return real.type();
        }

        @Override
        public void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset, byte[] dst, int dstOffset) {
            spend((long) rows * rowLength);
            real.encode(src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
        }

        @Override
        public void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
            spend(elements);
            real.decode(src, srcOffset, elements, dst, dstOffset);
        }

        private void spend(long count) {
            values += count;
            nanos += count * nanosPerValue;
            now.addAndGet(count * nanosPerValue);
        }
    }
}
