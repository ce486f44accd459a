package dev.adapterferry.convert.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the merges that a tiktoken file does not say: a token was made, when the vocabulary was trained, of the two parts that remain when its bytes are merged
 * with the ranks below its own. llama.cpp's converter finds them in the same way.
 */
final class TiktokenMerges {
    private final List<String> tokens;
    private final Map<String, Integer> ranks;

    private TiktokenMerges(List<String> tokens) {
        this.tokens = tokens;
        this.ranks = new HashMap<>(tokens.size() * 2);
        for (int rank = 0; rank < tokens.size(); rank++) {
            ranks.put(tokens.get(rank), rank);
        }
    }

    /**
     * The merges in order of ranks. A token that does not come of two others (no vocabulary that was trained has one) gets none.
     *
     * @param tokens bytes as texts of ISO 8859-1, by rank
     * @return {@code "left right"}, spelled as {@link ByteLetters} does
     */
    static List<String> of(List<String> tokens) {
        TiktokenMerges merges = new TiktokenMerges(tokens);
        List<String> found = new ArrayList<>(tokens.size());
        for (int rank = 0; rank < tokens.size(); rank++) {
            List<String> parts = merges.below(rank);
            if (parts.size() == 2) {
                found.add(ByteLetters.spell(parts.get(0)) + " " + ByteLetters.spell(parts.get(1)));
            }
        }
        return found;
    }

    /** The parts of a token after all merges of lower rank. */
    private List<String> below(int limit) {
        List<String> parts = new ArrayList<>();
        for (char b : tokens.get(limit).toCharArray()) {
            parts.add(String.valueOf(b));
        }
        while (true) {
            int best = -1;
            int lowest = limit;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int rank = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
                if (rank < lowest) {
                    best = i;
                    lowest = rank;
                }
            }
            if (best < 0) {
                return parts;
            }
            parts.set(best, parts.get(best) + parts.remove(best + 1));
        }
    }
}
