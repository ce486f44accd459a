package dev.adapterferry.evaluate;

import dev.adapterferry.failure.FerryException;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How far the vectors that two files make of the same texts are apart.
 *
 * @param contender  one of them
 * @param reference  the other
 * @param texts      how many texts
 * @param mean       cosine of the two vectors of a text, in the mean: 1 where they point the same way
 * @param lowest     the lowest of these
 * @param lowestText its text
 * @param sameNearest share of the texts whose nearest other text is the same in both
 */
public record VectorComparison(String contender, String reference, int texts, double mean, double lowest, String lowestText, double sameNearest) {
    /**
     * Compares.
     *
     * @param contender its vectors, one for each text
     * @param reference the other's, in the same order
     * @throws FerryException when they are not of the same length: distances between such tell nothing
     */
    public static VectorComparison of(String contender, List<double[]> vectors, String reference, List<double[]> others, List<String> texts) {
        if (vectors.getFirst().length != others.getFirst().length) {
            throw new FerryException("Cannot compare " + contender + " with " + reference + ": the vectors have " + vectors.getFirst().length + " numbers and " + others.getFirst().length
                    + ". They are of different models.");
        }
        double[] cosines = IntStream.range(0, texts.size()).mapToDouble(i -> cosine(vectors.get(i), others.get(i))).toArray();
        int lowest = IntStream.range(0, cosines.length).reduce((a, b) -> cosines[a] <= cosines[b] ? a : b).orElseThrow();
        long same = IntStream.range(0, texts.size()).filter(i -> nearest(vectors, i) == nearest(others, i)).count();
        return new VectorComparison(contender, reference, texts.size(), IntStream.range(0, cosines.length).mapToDouble(i -> cosines[i]).average().orElseThrow(), cosines[lowest], texts.get(lowest),
                (double) same / texts.size());
    }

    private static int nearest(List<double[]> vectors, int to) {
        return IntStream.range(0, vectors.size()).filter(i -> i != to).reduce((a, b) -> cosine(vectors.get(to), vectors.get(a)) >= cosine(vectors.get(to), vectors.get(b)) ? a : b).orElse(to);
    }

    private static double cosine(double[] a, double[] b) {
        double both = 0;
        double one = 0;
        double other = 0;
        for (int i = 0; i < a.length; i++) {
            both += a[i] * b[i];
            one += a[i] * a[i];
            other += b[i] * b[i];
        }
        return both / Math.sqrt(one * other);
    }
}
