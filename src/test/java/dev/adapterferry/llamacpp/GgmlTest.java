package dev.adapterferry.llamacpp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.quant.GgmlType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GgmlTest {
    @Test
    void quantizesARampToQ8_0AsTheFormatSays() {
        float[] values = new float[32];
        for (int i = 0; i < 32; i++) {
            values[i] = i - 16;
        }
        // Largest magnitude 16, so the scale is 16/127 as a half, and each value is rounded after division by 16/127.
        ByteBuffer block = ByteBuffer.wrap(Ggml.quantize(GgmlType.Q8_0, values, 1, 32, null)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(block.remaining()).isEqualTo(34);
        assertThat(Float.float16ToFloat(block.getShort(0))).isEqualTo(Float.float16ToFloat(Float.floatToFloat16(16f / 127f)));
        for (int i = 0; i < 32; i++) {
            // C's roundf: halves go away from zero.
            assertThat((int) block.get(2 + i)).isEqualTo(Integer.signum(i - 16) * Math.round(Math.abs(i - 16) * 127f / 16f));
        }
    }

    @Test
    void writesHalvesAsTheJdkDoes() {
        float[] values = random(512, 1);
        ByteBuffer bytes = ByteBuffer.wrap(Ggml.quantize(GgmlType.F16, values, 2, 256, null)).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            assertThat(bytes.getShort()).isEqualTo(Float.floatToFloat16(value));
        }
    }

    @Test
    void readsHalvesAndBrainFloatsBack() {
        float[] values = {0f, -0f, 1f, -2.5f, 65504f, 0.099975586f};
        assertThat(Ggml.dequantize(GgmlType.F16, Ggml.quantize(GgmlType.F16, values, 1, 6, null), 6)).containsExactly(values);
        float[] coarse = {1f, -2.5f, 3.0e38f, 1.0e-30f};
        float[] back = Ggml.dequantize(GgmlType.BF16, Ggml.quantize(GgmlType.BF16, coarse, 1, 4, null), 4);
        for (int i = 0; i < 4; i++) {
            assertThat(Math.abs(back[i] / coarse[i] - 1)).isLessThan(1f / 256);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q5_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"})
    void keepsValuesNearWhatTheyWere(GgmlType type) {
        float[] values = random(4 * 512, 2);
        byte[] bytes = Ggml.quantize(type, values, 4, 512, null);
        float[] back = Ggml.dequantize(type, bytes, values.length);
        double error = 0;
        double power = 0;
        for (int i = 0; i < values.length; i++) {
            error += (back[i] - values[i]) * (back[i] - values[i]);
            power += values[i] * values[i];
        }
        assertThat(bytes).hasSize((int) (4 * type.bytesFor(512)));
        // Not exact, and far better than the one lost bit in ten that a zeroed half-precision table would leave.
        assertThat(Math.sqrt(error / power)).isBetween(1e-4, 0.12);
    }

    @Test
    void importanceChangesTheBlocks() {
        float[] values = random(256, 3);
        float[] importance = new float[256];
        Random random = new Random(4);
        for (int i = 0; i < 256; i++) {
            importance[i] = random.nextFloat() * 10;
        }
        assertThat(Ggml.quantize(GgmlType.Q4_K, values, 1, 256, importance)).isNotEqualTo(Ggml.quantize(GgmlType.Q4_K, values, 1, 256, null));
    }

    @Test
    void refusesWhatWouldEndTheProcess() {
        assertThatThrownBy(() -> Ggml.quantize(GgmlType.Q4_K, new float[300], 1, 300, null)).isInstanceOf(RuntimeException.class);
        assertThatThrownBy(() -> Ggml.quantize(GgmlType.Q8_0, new float[32], 2, 32, null)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("too small");
        assertThatThrownBy(() -> Ggml.quantize(GgmlType.Q4_K, new float[256], 1, 256, new float[255])).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("255");
        assertThatThrownBy(() -> Ggml.quantize(GgmlType.MXFP4, new float[32], 1, 32, null)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("does not know MXFP4");
        assertThatThrownBy(() -> Ggml.dequantize(GgmlType.Q8_0, new byte[33], 32)).isInstanceOf(IllegalArgumentException.class);
    }

    private static float[] random(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
