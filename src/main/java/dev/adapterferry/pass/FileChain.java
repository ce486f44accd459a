package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufPlan;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** The hash of one output from its first byte to its last, padding included. */
final class FileChain extends Chain {
    private static final byte[] ZEROS = new byte[1 << 12];

    private final int file;
    private final GgufPlan plan;
    private final List<RowBlock> blocks;
    private final List<TensorWork> work;
    private final Checkpoints checkpoints;
    private MessageDigest digest = sha256();

    FileChain(int file, GgufPlan plan, List<RowBlock> blocks, List<TensorWork> work, Checkpoints checkpoints) {
        this.file = file;
        this.plan = plan;
        this.blocks = blocks;
        this.work = work;
        this.checkpoints = checkpoints;
        digest.update(plan.header());
    }

    @Override
    void take(long number, Slot slot) {
        RowBlock block = blocks.get((int) number);
        int strand = work.get(block.tensor()).strandOf(file);
        digest.update(slot.bytes(strand), 0, slot.length(strand));
        if (block.last()) {
            long tensorEnd = plan.tensors().get(block.tensor()).offset() + plan.tensors().get(block.tensor()).bytes();
            for (long left = plan.endOf(block.tensor()) - tensorEnd; left > 0; left -= ZEROS.length) {
                digest.update(ZEROS, 0, (int) Math.min(left, ZEROS.length));
            }
        }
        if (checkpoints.isDue(number + 1)) {
            checkpoints.note(number + 1, file, hash());
        }
    }

    /** Byte at which a block's successor begins in this file: what the hash has seen when all blocks before it have passed. */
    long bytesBefore(long number) {
        if (number == blocks.size()) {
            return plan.size();
        }
        RowBlock block = blocks.get((int) number);
        GgufPlan.Tensor tensor = plan.tensors().get(block.tensor());
        return tensor.offset() + block.firstRow() * tensor.rowBytes();
    }

    /** Goes on from a digest that has seen the file's first bytes. */
    void resume(MessageDigest seen) {
        digest = seen;
    }

    /** Hash of what has passed, lower-case hexadecimal. */
    String hash() {
        return hash(digest);
    }

    /** Hash of what a digest has seen; it can go on. */
    static String hash(MessageDigest digest) {
        try {
            return HexFormat.of().formatHex(((MessageDigest) digest.clone()).digest());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("the runtime's SHA-256 cannot be cloned", e);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
