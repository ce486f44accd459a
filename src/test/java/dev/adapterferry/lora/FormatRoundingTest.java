package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.RowKernel;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The bounds hold for whatever a quantizer may choose, and are not so wide that they hold for anything. */
class FormatRoundingTest {
    private static final int COLS = 512;
    private static final int ROWS = 48;

    /** Largest error over rows of one kind, in units of the bound. */
    private static double worst(GgmlType type, boolean importance, DoubleUnaryOperator values) {
        Random random = new Random(7);
        float[] rows = new float[ROWS * COLS];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) values.applyAsDouble(random.nextGaussian());
        }
        float[] weights = new float[COLS];
        for (int i = 0; i < COLS; i++) {
            // Activations differ by orders of magnitude between columns.
            weights[i] = (float) Math.exp(3 * random.nextGaussian());
        }
        RowKernel kernel = Kernels.forType(type);
        byte[] bytes = new byte[Math.toIntExact(type.bytesFor((long) rows.length))];
        kernel.encode(rows, 0, ROWS, COLS, importance ? weights : null, 0, bytes, 0);
        float[] read = new float[rows.length];
        kernel.decode(bytes, 0, rows.length, read, 0);
        double worst = 0;
        float[] row = new float[COLS];
        double[] bounds = new double[COLS];
        for (int i = 0; i < rows.length; i++) {
            if (i % COLS == 0) {
                System.arraycopy(rows, i, row, 0, COLS);
                FormatRounding.bounds(type, importance, row, bounds);
            }
            worst = read[i] == rows[i] ? worst : Math.max(worst, Math.abs(read[i] - rows[i]) / bounds[i % COLS]);
        }
        return worst;
    }

    @ParameterizedTest
    @EnumSource(value = GgmlType.class, names = {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q5_1", "Q4_K", "Q4_0", "Q4_1", "Q3_K", "Q2_K", "IQ4_NL", "IQ4_XS"})
    void boundsEveryErrorOfEveryFormat(GgmlType type) {
        for (boolean importance : new boolean[] {false, true}) {
            double normal = worst(type, importance, x -> x);
            double outliers = worst(type, importance, x -> Math.abs(x) > 2.5 ? 20 * x : x);
            double heavy = worst(type, importance, x -> x * x * x * x * x);
            double oneSided = worst(type, importance, x -> Math.abs(x) + 0.1);
            double sparse = worst(type, importance, x -> Math.abs(x) < 2 ? 0 : x);
            assertThat(Math.max(Math.max(normal, outliers), Math.max(heavy, Math.max(oneSided, sparse)))).as(type + (importance ? " with importance" : "")).isBetween(0.0, 1.0);
            assertThat(normal).as("not too wide for " + type).isGreaterThan(type == GgmlType.F32 || importance ? -1 : 0.1);
        }
    }
}
