package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class VectorComparisonTest {
    private static final List<double[]> PLAIN = List.of(new double[] {1, 0}, new double[] {0.9, 0.1}, new double[] {0, 1});
    private static final List<String> TEXTS = List.of("a", "b", "c");

    @Test
    void lengthDoesNotCount() {
        VectorComparison same = VectorComparison.of("x", PLAIN.stream().map(v -> new double[] {3 * v[0], 3 * v[1]}).toList(), "y", PLAIN, TEXTS);
        assertThat(same.mean()).isCloseTo(1, Offset.offset(1e-12));
        assertThat(same.sameNearest()).isEqualTo(1);
    }

    @Test
    void theFurthestTextIsNamedAndOtherNeighboursAreCounted() {
        VectorComparison found = VectorComparison.of("x", List.of(new double[] {1, 0}, new double[] {0.1, 0.9}, new double[] {0, 1}), "y", PLAIN, TEXTS);
        assertThat(found.lowestText()).isEqualTo("b");
        assertThat(found.lowest()).isCloseTo(0.18 / 0.82, Offset.offset(1e-12));
        assertThat(found.mean()).isCloseTo((2 + 0.18 / 0.82) / 3, Offset.offset(1e-12));
        assertThat(found.sameNearest()).as("b is near c now, no longer a").isCloseTo(2 / 3.0, Offset.offset(1e-12));
    }

    @Test
    void vectorsOfDifferentModelsAreNotCompared() {
        assertThatThrownBy(() -> VectorComparison.of("x", List.of(new double[] {1}), "y", List.of(new double[] {1, 2}), List.of("a"))).hasMessageContaining("1 numbers and 2");
    }
}
