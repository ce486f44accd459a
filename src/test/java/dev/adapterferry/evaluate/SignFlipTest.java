package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The chance of a difference against binomial sums and a count by dynamic programming, and how often it raises false alarms. */
class SignFlipTest {
    private static List<Bootstrap.Sample> samples(double... values) {
        List<Bootstrap.Sample> samples = new ArrayList<>();
        for (double value : values) {
            samples.add(new Bootstrap.Sample(value, 1));
        }
        return samples;
    }

    /** Two-sided binomial chance of at most {@code losses} of one kind among {@code of}. */
    private static double signTest(int losses, int of) {
        BigInteger ways = BigInteger.ZERO;
        BigInteger choose = BigInteger.ONE;
        for (int k = 0; k <= losses; k++) {
            ways = ways.add(choose);
            choose = choose.multiply(BigInteger.valueOf(of - k)).divide(BigInteger.valueOf(k + 1));
        }
        return Math.min(1, 2 * ways.doubleValue() / Math.pow(2, of));
    }

    @Test
    void isTheSignTestWhereAllDifferencesAreEquallyLarge() {
        for (int n = 1; n <= 40; n++) {
            for (int gains = 0; gains <= n / 2; gains += n <= 16 ? 1 : 5) {
                double[] values = new double[n + 7];
                for (int i = 0; i < n; i++) {
                    values[i] = i < gains ? 0.25 : -0.25;
                }
                assertThat(SignFlip.chance(samples(values))).as("%d of %d", gains, n).isCloseTo(signTest(gains, n), within(n <= 16 ? 1e-12 : 0.012));
            }
        }
        assertThat(SignFlip.chance(List.of())).isEqualTo(1);
        assertThat(SignFlip.chance(samples(0, 0, 0))).isEqualTo(1);
    }

    @Test
    void countsWeightedDifferencesAsDynamicProgrammingDoes() {
        Random random = new Random(11);
        for (int trial = 0; trial < 60; trial++) {
            int n = 2 + random.nextInt(trial < 40 ? 15 : 30);
            List<Bootstrap.Sample> samples = new ArrayList<>();
            TreeMap<Integer, Double> sums = new TreeMap<>(java.util.Map.of(0, 1.0));
            int seen = 0;
            for (int i = 0; i < n; i++) {
                int tenths = random.nextInt(21) - 12;
                int weight = 1 + random.nextInt(3);
                samples.add(new Bootstrap.Sample(tenths / 10.0, weight));
                seen += tenths * weight;
                TreeMap<Integer, Double> next = new TreeMap<>();
                sums.forEach((sum, share) -> {
                    next.merge(sum + tenths * weight, share / 2, Double::sum);
                    next.merge(sum - tenths * weight, share / 2, Double::sum);
                });
                sums = next;
            }
            int far = Math.abs(seen);
            double expected = sums.entrySet().stream().filter(entry -> Math.abs(entry.getKey()) >= far).mapToDouble(java.util.Map.Entry::getValue).sum();
            assertThat(SignFlip.chance(samples)).isCloseTo(expected, within(n <= 16 ? 1e-9 : 0.012));
        }
    }

    /** Answers of a model that is right with a probability per prompt, against those of another. */
    private static List<Bootstrap.Sample> trial(Random random, int prompts, double mine, double theirs) {
        List<Bootstrap.Sample> samples = new ArrayList<>();
        for (int i = 0; i < prompts; i++) {
            samples.add(new Bootstrap.Sample((random.nextDouble() < mine ? 1 : 0) - (random.nextDouble() < theirs ? 1 : 0), 1));
        }
        return samples;
    }

    @Test
    void equallyGoodModelsAreTakenForDifferentInNoMoreThanOneOfTwentyCases() {
        for (int prompts : new int[] {3, 6, 12, 24}) {
            Random random = new Random(prompts);
            int alarms = 0;
            for (int i = 0; i < 1000; i++) {
                alarms += SignFlip.chance(trial(random, prompts, 0.8, 0.8)) < SignFlip.LEVEL ? 1 : 0;
            }
            assertThat(alarms).as("false alarms of 1000 with %d prompts", prompts).isLessThanOrEqualTo(60);
        }
    }

    @Test
    void aRealDropIsSeen() {
        Random random = new Random(5);
        int seen = 0;
        for (int i = 0; i < 300; i++) {
            seen += SignFlip.chance(trial(random, 40, 0.5, 0.9)) < SignFlip.LEVEL ? 1 : 0;
        }
        assertThat(seen).as("of 300 drops from 0.9 to 0.5 on 40 prompts").isGreaterThan(270);
    }
}
