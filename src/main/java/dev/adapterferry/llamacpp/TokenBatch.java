package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A {@code llama_batch} of one sequence, number 0: tokens, where they stand, and of which the outcome is wanted. */
final class TokenBatch implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment batch = arena.allocate(NativeCalls.BATCH);
    private final MemorySegment tokens;
    /** Four per token, a row each: models that see (Qwen2-VL) take time, height, width and one more; for text the first three are alike. */
    private final MemorySegment positions;
    private final MemorySegment wanted;

    /** @param capacity most tokens at once */
    TokenBatch(int capacity) {
        tokens = arena.allocate(JAVA_INT, capacity);
        positions = arena.allocate(JAVA_INT, 4L * capacity);
        wanted = arena.allocate(JAVA_BYTE, capacity);
        MemorySegment sequence = arena.allocateFrom(JAVA_INT, 0);
        MemorySegment counts = arena.allocate(JAVA_INT, capacity);
        MemorySegment sequences = arena.allocate(ADDRESS, capacity);
        for (int i = 0; i < capacity; i++) {
            counts.setAtIndex(JAVA_INT, i, 1);
            sequences.setAtIndex(ADDRESS, i, sequence);
        }
        NativeCalls.setAddress(batch, NativeCalls.BATCH, "token", tokens);
        NativeCalls.setAddress(batch, NativeCalls.BATCH, "pos", positions);
        NativeCalls.setAddress(batch, NativeCalls.BATCH, "n_seq_id", counts);
        NativeCalls.setAddress(batch, NativeCalls.BATCH, "seq_id", sequences);
        NativeCalls.setAddress(batch, NativeCalls.BATCH, "logits", wanted);
    }

    /**
     * Fills it.
     *
     * @param vocabulary checks the ids
     * @param from       where the tokens are, from {@code offset} on
     * @param position   of the first of them
     * @param every      whether the outcome of every token is wanted, or only the last one's
     * @return the native batch
     */
    MemorySegment of(Vocabulary vocabulary, int[] from, int offset, int count, int position, boolean every) {
        for (int i = 0; i < count; i++) {
            tokens.setAtIndex(JAVA_INT, i, vocabulary.checked(from[offset + i]));
            for (int row = 0; row < 4; row++) {
                positions.setAtIndex(JAVA_INT, (long) row * count + i, row < 3 ? position + i : 0);
            }
            wanted.set(JAVA_BYTE, i, every || i == count - 1 ? (byte) 1 : 0);
        }
        NativeCalls.setInt(batch, NativeCalls.BATCH, "n_tokens", count);
        return batch;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
