package dev.adapterferry.evaluate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Two contenders on the same prompts. Only prompts that both answered count, each against itself: that removes the
 * prompts' own difficulty from the comparison.
 *
 * @param contender   label of the one judged
 * @param reference   label of what it is held against
 * @param pairs       prompts that both answered
 * @param difference  score of the contender minus score of the reference, null without pairs
 * @param chance      how often equal contenders would differ by as much, 0 to 1 ({@link SignFlip})
 * @param categories  the difference per category
 * @param better      ids of prompts with a higher score
 * @param worse       ids of prompts with a lower score
 * @param identical   prompts with word for word the same answer
 * @param speed       tokens per second of the contender relative to the reference, the geometric mean over the prompts; null when unknown, or when
 *                    it says nothing: other servers answered, or at another time, or both have the same format
 * @param speedChance how often equally fast contenders would differ by as much, 0 to 1
 */
public record Comparison(String contender, String reference, int pairs, Interval difference, double chance, Map<String, Interval> categories, List<String> better, List<String> worse,
                         int identical, Interval speed, double speedChance) {
    /** Speeds closer than this count as equal: nobody feels it. */
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
        List<Bootstrap.Sample> rates = new ArrayList<>();
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
            if (isRate(mine.tokensPerSecond()) && isRate(other.tokensPerSecond())) {
                rates.add(new Bootstrap.Sample(Math.log(mine.tokensPerSecond() / other.tokensPerSecond()), 1));
            }
        }
        Map<String, Interval> categories = new LinkedHashMap<>();
        byCategory.forEach((category, samples) -> categories.put(category, Bootstrap.mean(samples)));
        // Files of one format take the same work per token: what differs there is the machine's mood.
        boolean sameFormat = !contender.format().isEmpty() && contender.format().equalsIgnoreCase(reference.format());
        Interval logarithm = Objects.equals(contender.server(), reference.server()) && !sameFormat ? Bootstrap.mean(rates) : null;
        Interval speed = logarithm == null ? null : new Interval(Math.exp(logarithm.mean()), Math.exp(logarithm.low()), Math.exp(logarithm.high()));
        return new Comparison(contender.label(), reference.label(), all.size(), Bootstrap.mean(all), SignFlip.chance(all), categories, better, worse, identical, speed,
                speed == null ? 1 : SignFlip.chance(rates));
    }

    private static boolean isRate(Double rate) {
        return rate != null && rate > 0;
    }

    /** True when both gave word for word the same answers to everything: the contender is the reference by another name. */
    public boolean isSameModel() {
        return pairs > 0 && identical == pairs;
    }

    /** Whether the scores differ by more than chance. */
    public boolean differs() {
        return difference != null && chance < SignFlip.LEVEL;
    }

    /** Whether the contender is faster by more than five percent and by more than chance. */
    public boolean isFaster() {
        return speed != null && speed.mean() > 1 + SAME_SPEED && speedChance < SignFlip.LEVEL;
    }

    /**
     * Whether the contender should take the reference's place: by score where the difference is more than chance, else by
     * speed where it is faster, else not.
     */
    public boolean contenderWins() {
        return difference != null && (differs() ? difference.mean() > 0 : isFaster());
    }

    /** Why {@link #contenderWins} says so. */
    public String reason() {
        if (difference == null) {
            return "no prompt was answered by both";
        }
        String scores = String.format(Locale.ROOT, "score %+.3f (95 %% between %+.3f and %+.3f, %d prompts, chance %s)", difference.mean(), difference.low(), difference.high(), pairs, Figures.chance(chance));
        if (differs()) {
            return scores + (difference.mean() > 0 ? ": better" : ": worse");
        }
        String rate = speed == null ? "speed does not count" : String.format(Locale.ROOT, "%.2f times the speed (95 %% between %.2f and %.2f): %s", speed.mean(), speed.low(), speed.high(),
                isFaster() ? "faster" : "not faster");
        return scores + ": no difference beyond chance; " + rate;
    }
}
