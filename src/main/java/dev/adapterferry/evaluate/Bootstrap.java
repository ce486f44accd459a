package dev.adapterferry.evaluate;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Confidence intervals without assumptions on how scores are spread: prompts are drawn anew with replacement, many times,
 * and the middle 95 % of the means is the interval (percentile bootstrap, Efron 1979). The seed is fixed, so the same
 * outcomes give the same interval.
 */
final class Bootstrap {
    private static final int DRAWS = 2000;
    private static final long SEED = 20260817;

    private Bootstrap() { }

    /**
     * A value with its weight.
     *
     * @param value  a score, or a difference of two
     * @param weight positive
     */
    record Sample(double value, double weight) { }

    /** Mean by weight with its interval; null without samples. */
    static Interval mean(List<Sample> samples) {
        if (samples.isEmpty()) {
            return null;
        }
        Random random = new Random(SEED);
        double[] means = new double[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            double sum = 0;
            double weights = 0;
            for (int n = 0; n < samples.size(); n++) {
                Sample sample = samples.get(random.nextInt(samples.size()));
                sum += sample.value() * sample.weight();
                weights += sample.weight();
            }
            means[i] = sum / weights;
        }
        Arrays.sort(means);
        double sum = samples.stream().mapToDouble(sample -> sample.value() * sample.weight()).sum();
        double weights = samples.stream().mapToDouble(Sample::weight).sum();
        return new Interval(sum / weights, means[(int) (DRAWS * 0.025)], means[(int) (DRAWS * 0.975) - 1]);
    }

    /** Interval of a scorecard's score; null when it has no answer. */
    static Interval score(Scorecard card) {
        return mean(card.outcomes().stream().filter(outcome -> !outcome.failed()).map(outcome -> new Sample(outcome.score(), outcome.weight())).toList());
    }
}
