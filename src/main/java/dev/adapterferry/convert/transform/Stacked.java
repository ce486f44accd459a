package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Equally shaped tensors under a new first dimension: the experts of a layer, expert 0 first. */
public final class Stacked implements TensorView {
    private final List<TensorView> parts;
    private final List<Long> shape;

    /** @param parts the tensors, in order; all of one shape */
    public Stacked(List<TensorView> parts) {
        this.parts = List.copyOf(parts);
        List<Long> dimensions = new ArrayList<>(parts.getFirst().shape());
        for (TensorView part : parts) {
            if (!part.shape().equals(dimensions)) {
                throw new IllegalArgumentException("experts of shapes " + dimensions + " and " + part.shape() + " cannot be stacked");
            }
        }
        dimensions.addFirst((long) parts.size());
        this.shape = List.copyOf(dimensions);
    }

    @Override
    public TensorType type() {
        return parts.getFirst().type();
    }

    @Override
    public List<Long> shape() {
        return shape;
    }

    @Override
    public Optional<String> identity() {
        List<String> identities = parts.stream().map(TensorView::identity).flatMap(Optional::stream).toList();
        return identities.size() == parts.size() ? Optional.of("stack " + identities) : Optional.empty();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        long each = parts.getFirst().rows();
        int done = 0;
        while (done < rows) {
            long row = firstRow + done;
            int now = (int) Math.min(rows - done, each - row % each);
            parts.get((int) (row / each)).read(row % each, now, into, offset + done * rowLength());
            done += now;
        }
    }
}
