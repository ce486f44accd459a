package dev.adapterferry.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;

/**
 * {@link BlockProduct} by PyTorch's matrix product. Operands go in through direct buffers that each thread reuses, the product is
 * read where PyTorch put it; nothing outlives the call.
 */
final class TorchProduct implements BlockProduct {
    private static final ThreadLocal<ByteBuffer[]> BUFFERS = ThreadLocal.withInitial(() -> new ByteBuffer[2]);

    @Override
    public void add(double[] left, int rows, int rank, double[] right, int cols, double[] sum, int offset) {
        try (NDManager manager = Torch.manager()) {
            NDArray product = array(manager, 0, left, rows, rank).matMul(array(manager, 1, right, rank, cols));
            DoubleBuffer values = product.toByteBuffer(true).order(ByteOrder.nativeOrder()).asDoubleBuffer();
            for (int i = 0; i < rows * cols; i++) {
                sum[offset + i] += values.get(i);
            }
        }
    }

    private static NDArray array(NDManager manager, int which, double[] values, int rows, int cols) {
        ByteBuffer[] buffers = BUFFERS.get();
        int bytes = rows * cols * Double.BYTES;
        if (buffers[which] == null || buffers[which].capacity() < bytes) {
            buffers[which] = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
        }
        ByteBuffer buffer = buffers[which].clear().limit(bytes);
        buffer.asDoubleBuffer().put(values, 0, rows * cols);
        return manager.create(buffer, new Shape(rows, cols), DataType.FLOAT64);
    }
}
