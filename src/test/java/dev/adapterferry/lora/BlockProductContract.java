package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What every product must do, against the definition. */
interface BlockProductContract {
    BlockProduct product();

    @ParameterizedTest
    @CsvSource({"1,1,1", "4,1,8", "3,2,5", "5,16,7", "8,8,513", "9,3,1025", "256,16,40", "7,65,33", "4,0,8"})
    default void addsWhatTheDefinitionSays(int rows, int rank, int cols) {
        Random random = new Random(rows * 31L + cols);
        double[] left = random.doubles((long) rows * rank, -1, 1).toArray();
        double[] right = random.doubles((long) rank * cols, -1, 1).toArray();
        double[] sum = random.doubles((long) rows * cols + 11, -1, 1).toArray();
        double[] before = sum.clone();
        if (rank > 0) {
            product().add(left, rows, rank, right, cols, sum, 7);
        }
        for (int at = 0; at < sum.length; at++) {
            double exact = before[at];
            int element = at - 7;
            if (element >= 0 && element < rows * cols) {
                for (int k = 0; k < rank; k++) {
                    exact += left[element / cols * rank + k] * right[k * cols + element % cols];
                }
            }
            assertThat(sum[at]).isCloseTo(exact, org.assertj.core.data.Offset.offset(1e-13 * (rank + 1)));
        }
    }

    @Test
    default void servesManyThreads() {
        double[] left = new Random(1).doubles(64 * 16).toArray();
        double[] right = new Random(2).doubles(16 * 100).toArray();
        double[] once = new double[64 * 100];
        product().add(left, 64, 16, right, 100, once, 0);
        IntStream.range(0, 100).parallel().forEach(n -> {
            double[] sum = new double[64 * 100];
            product().add(left, 64, 16, right, 100, sum, 0);
            assertThat(sum).isEqualTo(once);
        });
    }
}
