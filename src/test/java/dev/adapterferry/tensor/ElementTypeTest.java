package dev.adapterferry.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ElementTypeTest {
    /** Equal as values, NaN included; both zeros are told apart. */
    private static void assertSame(float actual, float expected) {
        assertThat(Float.floatToIntBits(actual)).isEqualTo(Float.floatToIntBits(expected));
    }

    private static float[] decode(ElementType type, byte[] bytes) {
        int elements = bytes.length / type.blockBytes();
        float[] values = new float[elements + 2];
        type.decode(bytes, 0, elements, values, 1);
        return java.util.Arrays.copyOfRange(values, 1, elements + 1);
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void decodesEveryBf16AsUpperHalfOfAFloat() {
        for (int extra : new int[] {0, 1, 3, 7}) {
            ByteBuffer bytes = buffer(2 * (65536 + extra));
            for (int i = 0; i < 65536 + extra; i++) {
                bytes.putShort((short) i);
            }
            float[] values = decode(ElementType.BF16, bytes.array());
            for (int i = 0; i < values.length; i++) {
                assertThat(Float.floatToRawIntBits(values[i])).isEqualTo((i & 0xFFFF) << 16);
            }
        }
    }

    @Test
    void decodesEveryF16ByItsDefinition() {
        ByteBuffer bytes = buffer(2 * 65536);
        for (int i = 0; i < 65536; i++) {
            bytes.putShort((short) i);
        }
        float[] values = decode(ElementType.F16, bytes.array());
        for (int i = 0; i < 65536; i++) {
            assertSame(values[i], (float) ieee(i, 10, 5, 15, true));
        }
    }

    @Test
    void decodesEveryFloat8ByItsDefinition() {
        byte[] all = new byte[256];
        for (int i = 0; i < 256; i++) {
            all[i] = (byte) i;
        }
        float[] e4m3 = decode(ElementType.F8_E4M3, all);
        float[] e5m2 = decode(ElementType.F8_E5M2, all);
        float[] e8m0 = decode(ElementType.F8_E8M0, all);
        float[] e4m3fnuz = decode(ElementType.F8_E4M3FNUZ, all);
        float[] e5m2fnuz = decode(ElementType.F8_E5M2FNUZ, all);
        for (int b = 0; b < 256; b++) {
            assertSame(e4m3[b], (b & 0x7F) == 0x7F ? Float.NaN : (float) ieee(b, 3, 4, 7, false));
            assertSame(e5m2[b], (float) ieee(b, 2, 5, 15, true));
            assertSame(e8m0[b], b == 255 ? Float.NaN : (float) Math.pow(2, b - 127));
            assertSame(e4m3fnuz[b], b == 128 ? Float.NaN : (float) ieee(b, 3, 4, 8, false));
            assertSame(e5m2fnuz[b], b == 128 ? Float.NaN : (float) ieee(b, 2, 5, 16, false));
        }
        assertThat(e4m3[0x7E]).isEqualTo(448f);
    }

    /** The textbook reading of a small float. */
    private static double ieee(int bits, int mantissaBits, int exponentBits, int bias, boolean infinities) {
        int mantissa = bits & (1 << mantissaBits) - 1;
        int exponent = bits >> mantissaBits & (1 << exponentBits) - 1;
        double sign = (bits >> mantissaBits + exponentBits & 1) == 0 ? 1 : -1;
        if (infinities && exponent == (1 << exponentBits) - 1) {
            return mantissa == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        double fraction = mantissa / (double) (1 << mantissaBits);
        return sign * (exponent == 0 ? fraction * Math.pow(2, 1 - bias) : (1 + fraction) * Math.pow(2, exponent - bias));
    }

    @Test
    void decodesIntegersAndDoublesToTheNearestFloat() {
        ByteBuffer longs = buffer(64).putLong(0).putLong(-1).putLong(Long.MAX_VALUE).putLong(Long.MIN_VALUE)
                .putLong(16777217).putLong(0x8000008000000001L).putLong(0x8000008000000000L).putLong(42);
        float[] unsigned = decode(ElementType.U64, longs.array());
        float[] signed = decode(ElementType.I64, longs.array());
        for (int i = 0; i < 8; i++) {
            assertThat(signed[i]).isEqualTo((float) longs.getLong(8 * i));
            assertThat(unsigned[i]).isEqualTo(new BigInteger(Long.toUnsignedString(longs.getLong(8 * i))).floatValue());
        }
        assertThat(decode(ElementType.I32, buffer(8).putInt(-7).putInt(Integer.MAX_VALUE).array())).containsExactly(-7f, 2147483648f);
        assertThat(decode(ElementType.U32, buffer(4).putInt(-1).array())).containsExactly(4294967296f);
        assertThat(decode(ElementType.I16, buffer(4).putShort((short) -3).putShort((short) 9).array())).containsExactly(-3f, 9f);
        assertThat(decode(ElementType.U16, buffer(2).putShort((short) -1).array())).containsExactly(65535f);
        assertThat(decode(ElementType.I8, new byte[] {-128, 5})).containsExactly(-128f, 5f);
        assertThat(decode(ElementType.U8, new byte[] {-128, 5})).containsExactly(128f, 5f);
        assertThat(decode(ElementType.BOOL, new byte[] {0, 1})).containsExactly(0f, 1f);
        assertThat(decode(ElementType.F64, buffer(16).putDouble(0.1).putDouble(-1e300).array())).containsExactly(0.1f, Float.NEGATIVE_INFINITY);
        assertThat(decode(ElementType.F32, buffer(8).putFloat(0.1f).putFloat(Float.MIN_VALUE).array())).containsExactly(0.1f, Float.MIN_VALUE);
    }

    @Test
    void encodesToTheNearestValueTiesToEven() {
        Random random = new Random(7);
        for (ElementType type : new ElementType[] {ElementType.BF16, ElementType.F16}) {
            byte[] two = new byte[2];
            for (int i = 0; i < 20_000; i++) {
                float value = i % 2 == 0 ? (float) random.nextGaussian() : Float.intBitsToFloat(random.nextInt());
                // Every fourth value lies exactly between two neighbours.
                value = i % 4 == 0 && type == ElementType.BF16 ? Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xFFFF0000 | 0x8000) : value;
                type.encode(new float[] {value}, 0, 1, two, 0);
                float stored = decode(type, two)[0];
                assertSame(type.round(value), stored);
                if (Float.isNaN(value)) {
                    assertThat(stored).isNaN();
                    continue;
                }
                int bits = (two[1] & 0xFF) << 8 | two[0] & 0xFF;
                for (int step : new int[] {-1, 1}) {
                    byte[] near = {(byte) (bits + step), (byte) (bits + step >> 8)};
                    float neighbour = decode(type, near)[0];
                    if (Float.isFinite(neighbour) && Float.isFinite(stored)) {
                        double here = Math.abs((double) stored - value);
                        double there = Math.abs((double) neighbour - value);
                        assertThat(here < there || here == there && (bits & 1) == 0).isTrue();
                    }
                }
            }
        }
        assertThat(ElementType.F16.round(65520f)).isInfinite();
        assertThat(ElementType.BF16.round(Float.MAX_VALUE)).isInfinite();
    }

    @ParameterizedTest
    @EnumSource(value = ElementType.class, names = {"BF16", "F16", "F32"})
    void encodesRunsOfAnyLengthAsItEncodesOne(ElementType type) {
        Random random = new Random(11);
        float[] special = {Float.NaN, Float.intBitsToFloat(0x7F800001), Float.intBitsToFloat(0xFFFFFFFF), Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE, -0f, Float.MIN_VALUE,
            Float.intBitsToFloat(0x3F808000), Float.intBitsToFloat(0x3F818000)};
        for (int length = 0; length < 70; length++) {
            float[] values = new float[length + 3];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextInt(3) == 0 ? special[random.nextInt(special.length)] : (float) random.nextGaussian();
            }
            byte[] run = new byte[type.blockBytes() * length + 5];
            type.encode(values, 3, length, run, 5);
            byte[] one = new byte[run.length];
            for (int i = 0; i < length; i++) {
                type.encode(values, 3 + i, 1, one, 5 + i * type.blockBytes());
            }
            assertThat(run).as("length " + length).isEqualTo(one);
        }
    }

    @Test
    void refusesToWriteWhatItOnlyReads() {
        assertThatThrownBy(() -> ElementType.I64.encode(new float[1], 0, 1, new byte[8], 0)).isInstanceOf(UnsupportedOperationException.class);
        assertThat(ElementType.fromName("F4")).isEmpty();
        assertThat(ElementType.fromName("BF16")).contains(ElementType.BF16);
    }
}
