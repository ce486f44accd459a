package dev.adapterferry.pass;

import static dev.adapterferry.pass.GeneratedSource.info;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowBlockTest {
    @Test
    void coversEveryRowOnceAndInOrder() {
        List<TensorInfo> tensors = List.of(info("a", 1000, 32), info("b", 32), info("c", 7, 999), info("experts", 5, 33, 64), info("scalar"), info("four", 2, 3, 5, 64));
        List<RowBlock> blocks = RowBlock.cut(tensors, 1000);
        int at = 0;
        for (int t = 0; t < tensors.size(); t++) {
            long row = 0;
            int index = 0;
            boolean last = false;
            for (; at < blocks.size() && blocks.get(at).tensor() == t; at++) {
                RowBlock block = blocks.get(at);
                assertThat(block.firstRow()).isEqualTo(row);
                assertThat(block.index()).isEqualTo(index++);
                assertThat(last).isFalse();
                last = block.last();
                row += block.rows();
                assertThat(block.rows() * tensors.get(t).rowLength()).isLessThanOrEqualTo(Math.max(1000, tensors.get(t).rowLength()));
                long slice = RowBlock.sliceRows(tensors.get(t));
                boolean within = (block.firstRow() + block.rows() - 1) / slice == block.firstRow() / slice;
                assertThat(within || block.firstRow() % slice == 0 && block.rows() % slice == 0).as("within a matrix, or whole matrices: %s", block).isTrue();
            }
            assertThat(row).isEqualTo(tensors.get(t).rows());
            assertThat(last).isTrue();
        }
        assertThat(at).isEqualTo(blocks.size());
    }

    @Test
    void smallMatricesOfAStackGoTogether() {
        assertThat(RowBlock.cut(List.of(info("convolution", 8192, 1, 4)), 1000)).hasSize(33);
        assertThat(RowBlock.cut(List.of(info("experts", 5, 7, 32)), 500)).extracting(RowBlock::rows).containsExactly(14, 14, 7);
    }

    @Test
    void aRowLongerThanABlockIsABlock() {
        assertThat(RowBlock.cut(List.of(info("long", 3, 5000)), 1000)).hasSize(3).allMatch(b -> b.rows() == 1);
    }

    @Test
    void refusesEmptyTensorsAndEndlessRows() {
        assertThatThrownBy(() -> RowBlock.cut(List.of(info("none", 0, 32)), 1000)).isInstanceOf(FerryException.class).hasMessageContaining("'none'").hasMessageContaining("empty");
        assertThatThrownBy(() -> RowBlock.cut(List.of(info("endless", 1, 1L << 40)), 1000)).isInstanceOf(FerryException.class).hasMessageContaining("'endless'");
    }
}
