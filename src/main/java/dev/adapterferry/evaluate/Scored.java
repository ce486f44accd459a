package dev.adapterferry.evaluate;

/**
 * One prompt's outcome: an answer with its score, or an error without one.
 *
 * @param id               prompt id
 * @param category         its category
 * @param weight           its weight
 * @param prompt           the question
 * @param answer           visible text, null after an error
 * @param score            0 to 1, null after an error
 * @param latencyMillis    whole answer, null after an error
 * @param firstTokenMillis first text, null after an error or without a text
 * @param tokens           as the server counted them, null when it did not
 * @param tokensPerSecond  null when unknown
 * @param error            why there is no answer, else null
 */
public record Scored(String id, String category, double weight, String prompt, String answer, Double score, Double latencyMillis, Double firstTokenMillis,
                     Integer tokens, Double tokensPerSecond, String error) {
    /** True when no answer came. */
    public boolean failed() {
        return error != null;
    }
}
