package dev.adapterferry.pass;

import java.util.List;

/** The hashes of the tensors' bytes, for one strand of each tensor. */
final class TensorChain extends Chain {
    private final int strand;
    private final List<RowBlock> blocks;
    private final List<TensorWork> work;
    private final String[] hashes;
    private final XxHash64 digest = new XxHash64();

    /**
     * @param strand which strand of every tensor; tensors that have fewer are passed over
     * @param blocks all blocks
     * @param work   all tensors
     */
    TensorChain(int strand, List<RowBlock> blocks, List<TensorWork> work) {
        this.strand = strand;
        this.blocks = blocks;
        this.work = work;
        this.hashes = new String[work.size()];
    }

    @Override
    void take(long number, Slot slot) {
        if (isConcernedBy(number)) {
            update(number, slot.bytes(strand), slot.length(strand));
        }
    }

    /** Whether the tensor of a block has such a strand. */
    boolean isConcernedBy(long number) {
        return strand < work.get(blocks.get((int) number).tensor()).strands().size();
    }

    /** Takes a block's bytes. */
    void update(long number, byte[] bytes, int length) {
        RowBlock block = blocks.get((int) number);
        digest.update(bytes, 0, length);
        if (block.last()) {
            hashes[block.tensor()] = digest.finish();
        }
    }

    int strand() {
        return strand;
    }

    /** XXH64 of a tensor's bytes, 16 lower-case hexadecimal digits; null until its last block has passed. */
    String hash(int tensor) {
        return hashes[tensor];
    }
}
