package dev.adapterferry.evaluate;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/**
 * The outcomes of one contender. Means and percentiles are taken over answers only; {@link #errors()} counts the rest.
 *
 * @param label       the contender's name
 * @param format      its quantization mix, or an empty string
 * @param outcomes    one per prompt
 * @param memoryBytes memory of the server that answered, null when it could not be asked
 * @param server      which server answered, null when that was not written down; speeds of different servers say nothing about models
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Scorecard(String label, String format, List<Scored> outcomes, Long memoryBytes, String server) {
    /** Behind the server's name when its times are of another day. */
    private static final String EARLIER = ", earlier";

    /** A scorecard without a word on its server. */
    public Scorecard(String label, String format, List<Scored> outcomes) {
        this(label, format, outcomes, null, null);
    }

    /** Copies the outcomes. */
    public Scorecard {
        outcomes = List.copyOf(outcomes);
    }

    /** Prompts without an answer. */
    public int errors() {
        return (int) outcomes.stream().filter(Scored::failed).count();
    }

    /** Prompts with an answer. */
    public int answered() {
        return outcomes.size() - errors();
    }

    /** Mean score by weight over all answers, 0 to 1; null when there is no answer. */
    public Double score() {
        return score(outcomes);
    }

    /** The score with the range in which it lies with 95 % confidence; empty when there is no answer. */
    public Optional<Interval> interval() {
        return Optional.ofNullable(Bootstrap.score(this));
    }

    /** Mean score by weight of some outcomes; null when none has an answer. */
    static Double score(List<Scored> outcomes) {
        double sum = 0;
        double weights = 0;
        for (Scored outcome : outcomes) {
            if (!outcome.failed()) {
                sum += outcome.weight() * outcome.score();
                weights += outcome.weight();
            }
        }
        return weights == 0 ? null : sum / weights;
    }

    /**
     * The same answers under today's conditions: what was asked before need not be asked again.
     *
     * @param prompts today's prompts
     * @return empty when a prompt was not asked, in these words, or got no answer
     */
    public Optional<Scorecard> rescored(List<Prompt> prompts) {
        Map<String, Scored> known = new HashMap<>();
        outcomes.stream().filter(outcome -> !outcome.failed()).forEach(outcome -> known.put(outcome.id(), outcome));
        List<Scored> anew = new ArrayList<>();
        for (Prompt prompt : prompts) {
            Scored before = known.get(prompt.id());
            if (before == null || !before.prompt().equals(prompt.prompt())) {
                return Optional.empty();
            }
            anew.add(new Scored(prompt.id(), prompt.category(), prompt.weight(), prompt.prompt(), before.answer(), prompt.score(before.answer()), before.latencyMillis(), before.firstTokenMillis(),
                    before.tokens(), before.tokensPerSecond(), null));
        }
        return Optional.of(new Scorecard(label, format, anew, memoryBytes, (server == null ? "unknown" : server) + EARLIER));
    }

    /** Categories in the order of their first prompt. */
    public List<String> categories() {
        return outcomes.stream().map(Scored::category).distinct().toList();
    }

    /** The outcomes of one category as a scorecard of their own. */
    public Scorecard category(String category) {
        return new Scorecard(label, format, outcomes.stream().filter(outcome -> outcome.category().equals(category)).toList(), memoryBytes, server);
    }

    /**
     * Percentile of a measured value over the answers that have it (nearest rank).
     *
     * @param value   the measurement, null where absent
     * @param percent 0 to 100
     * @return null when nothing was measured
     */
    public Double percentile(Function<Scored, Double> value, double percent) {
        double[] sorted = outcomes.stream().map(value).filter(Objects::nonNull).mapToDouble(Double::doubleValue).sorted().toArray();
        return sorted.length == 0 ? null : sorted[(int) Math.max(0, Math.ceil(percent / 100 * sorted.length) - 1)];
    }

    /** Median of the answers' tokens per second; null when no rate is known. */
    public Double tokensPerSecond() {
        return percentile(Scored::tokensPerSecond, 50);
    }
}
