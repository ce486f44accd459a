package dev.adapterferry.convert;

import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;
import java.util.Optional;

/** A converted model with one kind of tensor of the first layer wrong. */
record DamagedTensors(TensorSource source, String tensor, String damage) implements TensorSource {
    /** The model with the damage in it. */
    static ConvertedModel in(ConvertedModel good, String tensor, String damage) {
        return new ConvertedModel(good.architecture(), new DamagedTensors(good.tensors(), tensor, damage), good.metadata(), good.tokenizer(), good.parameters(), good.notes());
    }

    @Override
    public List<TensorInfo> tensors() {
        return source.tensors();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return source.find(name);
    }

    @Override
    public void read(TensorInfo info, long firstRow, int rows, float[] into, int offset) {
        if (!info.name().equals("blk.0." + tensor) && !info.name().equals(tensor)) {
            source.read(info, firstRow, rows, into, offset);
            return;
        }
        int length = Math.toIntExact(info.rowLength());
        int all = Math.toIntExact(info.rows());
        float[] values = new float[all * length];
        source.read(info, 0, all, values, 0);
        // A vector is permuted by its elements, a matrix by its rows.
        int unit = info.rank() == 1 ? 1 : length;
        int count = values.length / unit;
        float[] wrong = values.clone();
        for (int i = 0; i < count; i++) {
            int from = switch (damage) {
                case "permute" -> i - i % 16 + i % 2 * 8 + i % 16 / 2;
                case "swap-halves" -> i - i % 16 + i % 8 * 2 + i % 16 / 8;
                case "other-half-first" -> (i + count / 2) % count;
                case "reversed" -> count - 1 - i;
                case "next-part" -> (i + count / 3) % count;
                case "next-expert" -> (i + count / 4) % count;
                default -> i;
            };
            System.arraycopy(values, from * unit, wrong, i * unit, unit);
        }
        for (int i = 0; i < wrong.length; i++) {
            wrong[i] = damage.equals("minus-one") ? wrong[i] - 1 : damage.equals("ones") ? 1 : wrong[i];
        }
        System.arraycopy(wrong, Math.toIntExact(firstRow) * length, into, offset, rows * length);
    }

    @Override
    public void close() { }
}
