package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.NonFinite;
import dev.adapterferry.quant.RowKernel;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** One thread's way from rows of a tensor to the bytes of all its strands. Holds one block of f32. */
final class RowEncoder {
    private static final float LARGEST_F16 = 65504;
    /**
     * No block of values below this overflows its binary16 scale or minimum. Both are those of a line through the values: its slope per code is at most
     * the difference of two values, so where the codes end, 31 steps away, it is off by at most 63 times the largest.
     */
    private static final float LARGEST_IN_BLOCKS = LARGEST_F16 / 64;

    private final TensorSource source;
    private final List<TensorWork> work;
    private final KeptTensors kept;
    private final LongAdder bytesRead;
    private final Map<GgmlType, RowKernel> kernels = new EnumMap<>(GgmlType.class);
    private float[] values = new float[0];
    private float largest;

    RowEncoder(TensorSource source, List<TensorWork> work, KeptTensors kept, LongAdder bytesRead) {
        this.source = source;
        this.work = work;
        this.kept = kept;
        this.bytesRead = bytesRead;
    }

    /**
     * Fills a slot with the bytes of every strand.
     *
     * @throws FerryException naming tensor and row when a value is not finite, or becomes so in its new type
     */
    void encode(RowBlock block, Slot slot) {
        TensorWork tensor = work.get(block.tensor());
        boolean read = false;
        for (int s = 0; s < tensor.strands().size(); s++) {
            TensorWork.Strand strand = tensor.strands().get(s);
            int length = strand.bytesFor(tensor.info(), block.rows());
            byte[] bytes = slot.buffer(s, length);
            if (kept.read(block, s, bytes, length)) {
                continue;
            }
            if (strand.copy()) {
                ((StoredBytes) source).readStored(tensor.info(), block.firstRow() * strand.type().bytesFor(tensor.info().rowLength()), length, bytes, 0);
                bytesRead.add(length);
            } else {
                if (!read) {
                    read(tensor.info(), block);
                    read = true;
                }
                encode(tensor, block, strand, bytes);
            }
            check(tensor.info(), block, strand, bytes);
        }
    }

    private void encode(TensorWork tensor, RowBlock block, TensorWork.Strand strand, byte[] bytes) {
        RowKernel kernel = kernels.computeIfAbsent(strand.type(), Kernels::forType);
        int width = Math.toIntExact(tensor.info().rowLength());
        if (tensor.importance() == null) {
            kernel.encode(values, 0, block.rows(), width, null, 0, bytes, 0);
            return;
        }
        int slice = (int) Math.min(block.rows(), RowBlock.sliceRows(tensor.info()));
        for (int row = 0; row < block.rows(); row += slice) {
            kernel.encode(values, row * width, slice, width, tensor.importance(), tensor.importanceOffset(block.firstRow() + row), bytes, strand.bytesFor(tensor.info(), row));
        }
    }

    private void read(TensorInfo tensor, RowBlock block) {
        int count = Math.toIntExact(block.rows() * tensor.rowLength());
        if (values.length < count) {
            values = new float[count];
        }
        source.read(tensor, block.firstRow(), block.rows(), values, 0);
        bytesRead.add(tensor.type().bytesFor(count));
        largest = NonFinite.largest(values, 0, count);
        int bad = Float.isFinite(largest) ? -1 : NonFinite.inValues(values, 0, count);
        if (bad >= 0) {
            throw new FerryException("Cannot quantize tensor '" + tensor.name() + "': row " + (block.firstRow() + bad / tensor.rowLength()) + " holds " + values[bad]
                    + " at column " + bad % tensor.rowLength() + ", a weight must be finite. The checkpoint or the adapter is damaged, or its training diverged.");
        }
    }

    private void check(TensorInfo tensor, RowBlock block, TensorWork.Strand strand, byte[] bytes) {
        if (!strand.copy() && largest <= (strand.type().isQuantized() ? LARGEST_IN_BLOCKS : LARGEST_F16)) {
            return;
        }
        int bad = NonFinite.inBlocks(strand.type(), bytes, 0, Math.toIntExact(block.rows() * tensor.rowLength()));
        if (bad < 0) {
            return;
        }
        long row = block.firstRow() + bad / tensor.rowLength();
        throw new FerryException(strand.copy()
                ? "Cannot copy tensor '" + tensor.name() + "': row " + row + " holds a value that is not finite. The source file is damaged."
                : "Cannot quantize tensor '" + tensor.name() + "' to " + strand.type() + ": row " + row + ", column " + bad % tensor.rowLength() + " (" + values[bad]
                        + "): the scale or value there exceeds " + LARGEST_F16 + ", the largest half-precision number. Use BF16 or F32 for this tensor.");
    }
}
