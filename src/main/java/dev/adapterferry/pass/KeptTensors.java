package dev.adapterferry.pass;

/** Encoded blocks that need not be made again, because a cache holds them. */
interface KeptTensors {
    /** Holds nothing. */
    KeptTensors NONE = (block, strand, into, length) -> false;

    /**
     * Reads a block's bytes.
     *
     * @return false when they are not there or not sound, and must be made
     */
    boolean read(RowBlock block, int strand, byte[] into, int length);
}
