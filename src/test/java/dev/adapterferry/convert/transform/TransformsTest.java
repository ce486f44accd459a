package dev.adapterferry.convert.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where each element comes from. The tensors hold their own flat indices, and the numbers expected are written out by hand. */
class TransformsTest {
    /** A tensor whose elements are 0, 1, 2, ... */
    private record Counting(List<Long> shape) implements TensorView {
        static Counting of(long... shape) {
            return new Counting(Arrays.stream(shape).boxed().toList());
        }

        @Override
        public TensorType type() {
            return GgmlType.F32;
        }

        @Override
        public void read(long firstRow, int rows, float[] into, int offset) {
            for (int i = 0; i < rows * rowLength(); i++) {
                into[offset + i] = firstRow * rowLength() + i;
            }
        }
    }

    private static String values(TensorView view) {
        float[] values = new float[Math.toIntExact(view.rows()) * view.rowLength()];
        // Row by row, so that blocks begin everywhere.
        for (int row = 0; row < view.rows(); row++) {
            view.read(row, 1, values, row * view.rowLength());
        }
        float[] atOnce = new float[values.length];
        view.read(0, Math.toIntExact(view.rows()), atOnce, 0);
        assertThat(atOnce).isEqualTo(values);
        StringBuilder text = new StringBuilder();
        for (float value : values) {
            text.append(text.isEmpty() ? "" : " ").append((int) value);
        }
        return text.toString();
    }

    @ParameterizedTest
    @CsvSource({
            // Two key heads with three value heads each: a0 a1 a2 b0 b1 b2 becomes a0 b0 a1 b1 a2 b2.
            "swap, '2 3', 6, 0 3 1 4 2 5",
            "swap, '2 3', 12, 0 1 6 7 2 3 8 9 4 5 10 11",
            "swap, '4 1', 4, 0 1 2 3",
            "swap-after, '4 2 2', 8, 0 1 2 3 4 6 5 7",
            "swap-after, '0 2 3', 6, 0 3 1 4 2 5",
            "of-each, '2 1 3', 8, 1 2 5 6",
            "of-each, '3 0 1', 6, 0 2 4",
            "permute-first, '2 4', 12, 0 2 1 3 4 5 6 8 7 9 10 11",
            // Two groups of q q k v v v z: all q, then all k, then all v.
            "parts-together, '2 2 1 3', 14, 0 1 7 8 2 9 3 4 5 10 11 12",
            "parts-together, '1 1 1 1', 3, 0 1 2",
    })
    void rearrangesRowsAndElementsOfVectorsAlike(String name, String numbers, int size, String expected) {
        long[] n = Arrays.stream(numbers.split(" ")).mapToLong(Long::parseLong).toArray();
        assertThat(values(new Transforms().apply(name, n, Counting.of(size)))).isEqualTo(expected);
        TensorView matrix = new Transforms().apply(name, n, Counting.of(size, 2));
        StringBuilder rows = new StringBuilder();
        for (String row : expected.split(" ")) {
            int r = Integer.parseInt(row);
            rows.append(rows.isEmpty() ? "" : " ").append(2 * r).append(' ').append(2 * r + 1);
        }
        assertThat(values(matrix)).isEqualTo(rows.toString());
        assertThat(matrix.shape()).isEqualTo(List.of((long) expected.split(" ").length, 2L));
    }

    @Test
    void makesRowsOfAVector() {
        TensorView view = new Transforms().apply("as-rows", new long[] {2}, Counting.of(6));
        assertThat(view.shape()).isEqualTo(List.of(2L, 3L));
        assertThat(values(view)).isEqualTo("0 1 2 3 4 5");
        assertThat(new Transforms().apply("as-rows", new long[] {6}, Counting.of(6)).shape()).isEqualTo(List.of(6L, 1L));
    }

    @Test
    void scalesColumnsToALengthOfOne() {
        TensorView view = new Transforms().apply("unit-columns", new long[] {1}, Counting.of(3, 2));
        float[] last = new float[2];
        view.read(2, 1, last, 0);
        // Columns 0, 2, 4 and 1, 3, 5.
        assertThat(last).containsExactly(new float[] {4 / (float) Math.sqrt(20), 5 / (float) Math.sqrt(35)}, org.assertj.core.data.Offset.offset(1e-6f));
        assertThat(values(new Transforms().apply("unit-columns", new long[] {0}, Counting.of(2, 2)))).isEqualTo("0 1 2 3");
    }

    @Test
    void scalesRowsToALengthOfOne() {
        TensorView view = new Transforms().apply("unit-rows", new long[] {1}, Counting.of(3, 2));
        float[] rows = new float[4];
        view.read(0, 1, rows, 0);
        view.read(2, 1, rows, 2);
        assertThat(rows).containsExactly(new float[] {0, 1, 4 / (float) Math.sqrt(41), 5 / (float) Math.sqrt(41)}, org.assertj.core.data.Offset.offset(1e-7f));
        assertThat(values(new Transforms().apply("unit-rows", new long[] {0}, Counting.of(2, 2)))).isEqualTo("0 1 2 3");
    }

    @Test
    void multipliesAllOrSomeRows() {
        assertThat(values(new Transforms().apply("scale", new double[] {3}, Counting.of(2, 3)))).isEqualTo("0 3 6 9 12 15");
        TensorView some = new Transforms().apply("scale-rows", new double[] {1, 3, 10}, Counting.of(4, 2));
        assertThat(values(some)).isEqualTo("0 1 20 30 40 50 6 7");
        float[] last = new float[4];
        some.read(2, 2, last, 0);
        assertThat(last).containsExactly(40, 50, 6, 7);
        some.read(0, 1, last, 2);
        assertThat(last).containsExactly(40, 50, 0, 1);
        assertThatThrownBy(() -> new Transforms().apply("scale-rows", new double[] {1, 5, 10}, Counting.of(4, 2))).hasMessageContaining("rows 1 to 5 of 4");
        assertThatThrownBy(() -> new Transforms().apply("half", new double[] {0.5}, Counting.of(4, 2))).hasMessageContaining("whole number");
    }

    @Test
    void exchangesPartsOfAllRows() {
        assertThat(values(new Transforms().apply("exchange", new long[] {3, 0, 2}, Counting.of(6, 1)))).isEqualTo("4 5 2 3 0 1");
        // Parts may be matrices.
        assertThat(values(new Transforms().apply("exchange", new long[] {3, 2, 1}, Counting.of(3, 1, 2)))).isEqualTo("0 1 4 5 2 3");
        assertThatThrownBy(() -> new Transforms().apply("exchange", new long[] {4, 0, 2}, Counting.of(6, 1))).hasMessageContaining("4 equal parts");
    }

    /** The mean magnitude is that of all rows, however many are read at once. */
    @Test
    void roundsToThreeValues() {
        assertThat(values(new Transforms().apply("ternary", new long[0], Counting.of(3, 3)))).isEqualTo("0 0 0 4 4 4 4 4 4");
        TensorView minus = new Elementwise(Counting.of(3, 100_000), x -> x < 50_000 ? -x : x);
        TensorView view = new Transforms().apply("ternary", new long[0], minus);
        float[] row = new float[100_000];
        view.read(0, 1, row, 0);
        float mean = 299_999 / 2f;
        assertThat(new float[] {row[1], row[49_999], row[74_999], row[75_000], row[99_999]}).containsExactly(-0f, -0f, 0f, mean, mean);
        TensorView all = new Transforms().apply("ternary", new long[0], new Elementwise(Counting.of(2, 2), x -> -x));
        float[] four = new float[4];
        all.read(0, 2, four, 0);
        assertThat(four).containsExactly(-0f, -1.5f, -1.5f, -1.5f);
    }

    @Test
    void swapsColumns() {
        TensorView view = new Transforms().apply("swap-columns", new long[] {2, 3}, Counting.of(2, 6));
        assertThat(values(view)).isEqualTo("0 3 1 4 2 5 6 9 7 10 8 11");
    }

    @Test
    void splitsALatentProjectionIntoKeysAndValues() {
        // Two heads of two key rows and one value row, latent vectors of two.
        Counting kvB = Counting.of(6, 2);
        TensorView keys = chain(kvB, "of-each 2 0 2", "matrices 2", "transpose");
        assertThat(keys.shape()).isEqualTo(List.of(2L, 2L, 2L));
        assertThat(values(keys)).isEqualTo("0 2 1 3 6 8 7 9");
        TensorView values = chain(kvB, "of-each 2 2 3", "matrices 2");
        assertThat(values.shape()).isEqualTo(List.of(2L, 1L, 2L));
        assertThat(values(values)).isEqualTo("4 5 10 11");
    }

    @Test
    void takesHalvesOfPackedExpertsThatAreStoredInputsFirst() {
        // Two experts, two inputs, gate and up of one row each.
        Counting packed = Counting.of(2, 2, 2);
        assertThat(values(chain(packed, "transpose", "half 0"))).isEqualTo("0 2 4 6");
        assertThat(values(chain(packed, "transpose", "half 1"))).isEqualTo("1 3 5 7");
    }

    @ParameterizedTest
    @CsvSource({"swap, '2 3', 7", "swap-after, '2 2 2', 5", "swap-after, '9 1 1', 8", "of-each, '2 0 5', 8", "of-each, '3 0 1', 8", "parts-together, '2 2 2 2', 10", "swap-columns, '2 3', 1", "matrices, '3', 4", "permute-first, '2 6', 8"})
    void refusesWhatDoesNotDivide(String name, String numbers, int size) {
        long[] n = Arrays.stream(numbers.split(" ")).mapToLong(Long::parseLong).toArray();
        assertThatThrownBy(() -> new Transforms().apply(name, n, Counting.of(size, 2))).isInstanceOf(IllegalArgumentException.class);
    }

    private static TensorView chain(TensorView view, String... steps) {
        TensorView out = view;
        for (String step : steps) {
            String[] words = step.split(" ");
            out = new Transforms().apply(words[0], Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray(), out);
        }
        return out;
    }
}
