package dev.adapterferry.quant;

/**
 * What the choice of types needs to know of a model, from its GGUF metadata.
 *
 * @param architecture {@code general.architecture}
 * @param blockCount   {@code {arch}.block_count}, next-token-prediction layers included
 * @param expertCount  {@code {arch}.expert_count}, 0 when absent
 * @param headCount    {@code {arch}.attention.head_count} of layer 0
 * @param headCountKv  {@code {arch}.attention.head_count_kv} of layer 0; equals {@code headCount} when absent
 */
public record ModelFacts(String architecture, int blockCount, int expertCount, int headCount, int headCountKv) {
    /** Query heads that share one key-value head; 0 when there is none. */
    int groupedHeads() {
        return headCountKv == 0 ? 0 : headCount / headCountKv;
    }

    /** The 80-layer models whose value projections llama.cpp gives more bits because they are small there. */
    boolean isSeventyBillion() {
        return switch (architecture) {
            case "llama" -> blockCount == 80 && headCount != headCountKv;
            case "qwen2", "deci", "olmo" -> blockCount == 80;
            case "jais2" -> blockCount == 68;
            default -> false;
        };
    }
}
