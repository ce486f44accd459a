package dev.adapterferry.convert;

/** One vector per token in double arithmetic from a checkpoint, whatever kind of model makes it. */
final class EncoderReference {
    private EncoderReference() { }

    /** Whether the model is one of those whose tokens all see each other by its class. */
    static boolean isEncoder(MemoryCheckpoint checkpoint) {
        return EncoderForward.knows(checkpoint) || EvenEncoder.knows(checkpoint);
    }

    /**
     * The vectors.
     *
     * @param coarse take GELU as llama.cpp does on the CPU
     */
    static double[][] states(MemoryCheckpoint checkpoint, boolean coarse, int... tokens) {
        if (EncoderForward.knows(checkpoint)) {
            return EncoderForward.states(checkpoint, coarse, tokens);
        }
        if (T5Forward.knows(checkpoint)) {
            return T5Forward.of(checkpoint).states(tokens);
        }
        return (EvenEncoder.knows(checkpoint) ? EvenEncoder.of(checkpoint, coarse) : CheckpointDecoder.of(checkpoint)).states(tokens);
    }
}
