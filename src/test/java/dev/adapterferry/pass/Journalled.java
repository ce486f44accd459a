package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.List;

/** What a pass that was killed had finished: by its journal, and in bytes of the files that it becomes. */
public final class Journalled {
    private static final int ALIGNMENT = 32;

    private Journalled() { }

    /** Number of blocks that a journal vouches for; 0 without one. */
    public static long blocks(Path journal) {
        return PassFixture.journalledBlocks(journal);
    }

    /** Bytes of finished files that lie before a block, cut as passes cut everywhere but in tests. */
    public static long bytes(long blocks, List<Path> files) {
        return bytes(blocks, files, RowBlock.USUAL_WEIGHTS);
    }

    static long bytes(long blocks, List<Path> files, int blockWeights) {
        return blocks == 0 ? 0 : files.stream().mapToLong(file -> bytesBefore(blocks, file, blockWeights)).sum();
    }

    private static long bytesBefore(long blocks, Path file, int blockWeights) {
        try (GgufFile gguf = GgufFile.open(file)) {
            List<RowBlock> cut = RowBlock.cut(gguf.tensors(), blockWeights);
            if (blocks == cut.size()) {
                return gguf.size();
            }
            RowBlock next = cut.get((int) blocks);
            long before = gguf.tensors().subList(0, next.tensor()).stream().mapToLong(tensor -> Math.ceilDiv(bytes(tensor, tensor.rows()), ALIGNMENT) * ALIGNMENT).sum();
            return gguf.dataOffset() + before + bytes(gguf.tensors().get(next.tensor()), next.firstRow());
        }
    }

    private static long bytes(TensorInfo tensor, long rows) {
        return tensor.type().bytesFor(tensor.rowLength()) * rows;
    }
}
