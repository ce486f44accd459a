package dev.adapterferry.convert;

/**
 * How many layers a model has.
 *
 * @param main    layers of a model that has one stack of them, or of the encoder where there is one
 * @param decoder layers of the decoder behind an encoder; as many as {@code main} where nothing else is said
 */
record LayerCounts(int main, int decoder) {
    /** As the configuration says: {@code block_count}, and {@code decoder_block_count} where the architecture file has it. */
    static LayerCounts of(ModelConfig config) {
        long main = config.findLong("block_count").orElseThrow();
        return new LayerCounts(Math.toIntExact(main), Math.toIntExact(config.findLong("decoder_block_count").orElse(main)));
    }

    /** Layers of the stack that a GGUF name belongs to. */
    int of(String name) {
        return name.startsWith("dec.") ? decoder : main;
    }

    /** How many tensors a pattern of GGUF names stands for: one per layer, or one. */
    int in(String pattern) {
        return pattern.contains("blk.N.") ? of(pattern) : 1;
    }

    @Override
    public String toString() {
        return main + (main == decoder ? "" : " and " + decoder) + " layers";
    }
}
