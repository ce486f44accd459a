package dev.adapterferry.serve;

/** A model in memory: one that answers, or one that makes vectors. */
interface Engine extends AutoCloseable {
    /** Tokens that fit. */
    int contextLength();

    /** Computes something small, so that a file which the engine cannot run shows that now. */
    void warmUp();

    @Override
    void close();
}
