package dev.adapterferry.tensor;

import java.io.Closeable;
import java.util.List;
import java.util.Optional;

/**
 * Tensors by name, readable as rows of f32: the seam of the whole project. A safetensors file is one, a sharded
 * checkpoint is one, a checkpoint with an adapter merged in on the way is one, a converted model under its GGUF names
 * is one, and a GGUF file is one too.
 *
 * <p>Implementations are safe for concurrent {@link #read} calls from many threads and hold no more than a bounded
 * buffer per call, whatever the size of the tensor. Closing releases mappings; reading afterwards fails.
 */
public interface TensorSource extends Closeable {
    /** Every tensor, in the order in which a writer should write them. Names are unique. */
    List<TensorInfo> tensors();

    /**
     * Looks a tensor up.
     *
     * @param name its name
     * @return the tensor, or empty when the source has none of that name
     */
    Optional<TensorInfo> find(String name);

    /**
     * Reads whole rows as f32. Conversions to f32 are exact for all plain types but F64.
     *
     * @param tensor   a tensor of this source
     * @param firstRow first row, counted over all dimensions but the last
     * @param rows     number of rows
     * @param into     receives {@code rows * tensor.rowLength()} values, row after row
     * @param offset   index in {@code into} of the first value
     * @throws dev.adapterferry.failure.FerryException when the bytes cannot be read or are not what they should be
     */
    void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset);

    /**
     * Names the stored bytes behind a tensor, so that work done on them (a quantized copy) can be kept and found again
     * after the source was closed and reopened, or when another adapter is put on the same base.
     *
     * @param tensor a tensor of this source
     * @return equal texts for equal bytes, type and shape; empty for a tensor that is computed on the way
     */
    default Optional<String> identity(TensorInfo tensor) {
        return Optional.empty();
    }

    @Override
    void close();
}
