package dev.adapterferry.evaluate;

import java.util.List;

/**
 * One line of a prompt set.
 *
 * @param id       unique within its set
 * @param category groups the scores
 * @param prompt   the user's words
 * @param system   system prompt instead of the model's own, or null
 * @param weight   weight in the mean, positive
 * @param checks   conditions on the answer, at least one
 */
public record Prompt(String id, String category, String prompt, String system, double weight, List<Weighted> checks) {
    /**
     * A condition with its share of the prompt's score.
     *
     * @param check  the condition
     * @param weight positive
     */
    public record Weighted(Check check, double weight) { }

    /** Copies the checks. */
    public Prompt {
        checks = List.copyOf(checks);
    }

    /** Score of an answer: the mean of its checks by weight, so 1 is always attainable. */
    public double score(String answer) {
        double sum = 0;
        double weights = 0;
        for (Weighted weighted : checks) {
            sum += weighted.weight() * weighted.check().score(answer);
            weights += weighted.weight();
        }
        return sum / weights;
    }
}
