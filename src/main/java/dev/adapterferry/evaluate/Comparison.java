package dev.adapterferry.evaluate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Two contenders on the same prompts. Only prompts that both answered count, each against itself: that removes the
 * prompts' own difficulty from the comparison.
 *
 * @param contender  label of the one judged
 * @param reference  label of what it is held against
 * @param pairs      prompts that both answered
 * @param difference score of the contender minus score of the reference, null without pairs
 * @param categories the same per category
 * @param better     ids of prompts with a higher score
 * @param worse      ids of prompts with a lower score
 * @param identical  prompts with word for word the same answer
 * @param speed      median tokens per second of the contender relative to the reference, null when unknown or when other servers answered
 */
public record Comparison(String contender, String reference, int pairs, Interval difference, Map<String, Interval> categories, List<String> better, List<String> worse,
                         int identical, Double speed) {
    /** Speeds closer than this count as equal: single runs differ by as much. */
    private static final double SAME_SPEED = 0.05;

    /** Copies the collections. */
    public Comparison {
        categories = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(categories));
        better = List.copyOf(better);
        worse = List.copyOf(worse);
    }

    /** Holds one scorecard against another; prompts are the same when id and text are. */
    public static Comparison of(Scorecard contender, Scorecard reference) {
        Map<String, Scored> others = new HashMap<>();
        reference.outcomes().stream().filter(outcome -> !outcome.failed()).forEach(outcome -> others.put(outcome.id(), outcome));
        List<Bootstrap.Sample> all = new ArrayList<>();
        Map<String, List<Bootstrap.Sample>> byCategory = new LinkedHashMap<>();
        List<String> better = new ArrayList<>();
        List<String> worse = new ArrayList<>();
        int identical = 0;
        for (Scored mine : contender.outcomes()) {
            Scored other = mine.failed() ? null : others.get(mine.id());
            if (other == null || !other.prompt().equals(mine.prompt())) {
                continue;
            }
            Bootstrap.Sample sample = new Bootstrap.Sample(mine.score() - other.score(), mine.weight());
            all.add(sample);
            byCategory.computeIfAbsent(mine.category(), category -> new ArrayList<>()).add(sample);
            if (sample.value() != 0) {
                (sample.value() > 0 ? better : worse).add(mine.id());
            }
            identical += mine.answer().equals(other.answer()) ? 1 : 0;
        }
        Map<String, Interval> categories = new LinkedHashMap<>();
        byCategory.forEach((category, samples) -> categories.put(category, Bootstrap.mean(samples)));
        boolean oneServer = Objects.equals(contender.server(), reference.server());
        Double mine = oneServer ? contender.tokensPerSecond() : null;
        Double theirs = reference.tokensPerSecond();
        return new Comparison(contender.label(), reference.label(), all.size(), Bootstrap.mean(all), categories, better, worse, identical, mine == null || theirs == null ? null : mine / theirs);
    }

    /** True when both gave word for word the same answers to everything: the contender is the reference by another name. */
    public boolean isSameModel() {
        return pairs > 0 && identical == pairs;
    }

    /**
     * Whether the contender should take the reference's place: by score where the difference is more than chance, else by
     * speed where it is more than five percent, else not.
     */
    public boolean contenderWins() {
        if (difference == null) {
            return false;
        }
        if (difference.excludesZero()) {
            return difference.mean() > 0;
        }
        return speed != null && speed > 1 + SAME_SPEED;
    }

    /** Why {@link #contenderWins} says so. */
    public String reason() {
        if (difference == null) {
            return "no prompt was answered by both";
        }
        String scores = String.format(java.util.Locale.ROOT, "score %+.3f (95 %% between %+.3f and %+.3f, %d prompts)", difference.mean(), difference.low(), difference.high(), pairs);
        if (difference.excludesZero()) {
            return scores + (difference.mean() > 0 ? ": better" : ": worse");
        }
        String rate = speed == null ? "speeds cannot be compared" : String.format(java.util.Locale.ROOT, "%.2f times the speed", speed);
        return scores + ": no difference beyond chance; " + rate + (contenderWins() ? ": faster" : ": not faster");
    }
}
