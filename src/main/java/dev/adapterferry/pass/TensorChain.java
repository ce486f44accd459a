package dev.adapterferry.pass;

import java.util.List;

/** The hashes of the tensors' bytes, for one strand of each tensor. */
final class TensorChain extends Chain {
    private final int strand;
    private final List<RowBlock> blocks;
    private final List<TensorWork> work;
    private final Checkpoints checkpoints;
    private final String[] hashes;
    private final XxHash64 digest = new XxHash64();
    /** Over the hashes of the tensors that are complete. */
    private final XxHash64 before = new XxHash64();

    /**
     * @param strand      which strand of every tensor; tensors that have fewer are passed over
     * @param blocks      all blocks
     * @param work        all tensors
     * @param checkpoints hear how far it has come
     */
    TensorChain(int strand, List<RowBlock> blocks, List<TensorWork> work, Checkpoints checkpoints) {
        this.strand = strand;
        this.blocks = blocks;
        this.work = work;
        this.checkpoints = checkpoints;
        this.hashes = new String[work.size()];
    }

    @Override
    void take(long number, Slot slot) {
        if (isConcernedBy(number)) {
            update(number, slot.bytes(strand), slot.length(strand));
        }
        if (checkpoints.isDue(number + 1)) {
            checkpoints.note(number + 1, strand, soFar());
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
            String hash = digest.finish();
            hashes[block.tensor()] = hash;
            before.update(hash.getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, hash.length());
        }
    }

    int strand() {
        return strand;
    }

    /** A hash of all that has passed: of the tensors that are complete, and of the one that is not. */
    String soFar() {
        return before.soFar() + digest.soFar();
    }

    /** XXH64 of a tensor's bytes, 16 lower-case hexadecimal digits; null until its last block has passed. */
    String hash(int tensor) {
        return hashes[tensor];
    }
}
