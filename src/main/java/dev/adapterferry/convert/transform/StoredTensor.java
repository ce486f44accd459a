package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TensorType;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint tensor as it is: where every chain of views begins.
 *
 * @param source holds the tensor
 * @param info   the tensor
 */
public record StoredTensor(TensorSource source, TensorInfo info) implements TensorView {
    @Override
    public TensorType type() {
        return info.type();
    }

    @Override
    public List<Long> shape() {
        return info.shape();
    }

    @Override
    public Optional<String> identity() {
        return source.identity(info);
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        source.read(info, firstRow, rows, into, offset);
    }
}
