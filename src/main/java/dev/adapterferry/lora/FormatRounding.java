package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorType;
import java.util.Map;

/**
 * How far a value may lie from the exact one because of the format that keeps it: half a unit in the last place for plain types, a
 * share of the block's largest magnitude for block formats.
 */
final class FormatRounding {
    /**
     * Largest error of one element over the largest magnitude in its block. A symmetric format with levels −n…n rounds by half a step,
     * 1/2n; k-quants add the rounding of their 6-bit scales and minima, and may clip outliers where that lowers the squared error; MXFP4 clips from 8 to 6. With
     * an importance matrix a quantizer may give up an unimportant column altogether.
     */
    private static final Map<String, Double> BLOCK_SHARE = Map.of(
            "Q8_0", 0.5 / 127 + 1e-3, "MXFP4", 0.26, "Q6_K", 0.06, "Q5_K", 0.10, "Q5_0", 0.10, "Q5_1", 0.10, "Q4_K", 0.20, "Q4_0", 0.20, "Q4_1", 0.20);
    private static final double OTHER_SHARE = 0.7;
    private static final double WEIGHTED_SHARE = 1.1;

    private FormatRounding() { }

    /**
     * The largest error of each element of a row.
     *
     * @param type     how the row is kept
     * @param weighted whether an importance matrix had a say in it
     * @param exact    the exact row
     * @param into     receives one bound per element
     */
    static void bounds(TensorType type, boolean weighted, float[] exact, double[] into) {
        int block = type.blockElements();
        double share = weighted && !type.label().equals("Q8_0") ? WEIGHTED_SHARE : BLOCK_SHARE.getOrDefault(type.label(), OTHER_SHARE);
        for (int begin = 0; begin < exact.length; begin += block) {
            int end = Math.min(begin + block, exact.length);
            double largest = 0;
            for (int i = begin; i < end; i++) {
                largest = Math.max(largest, Math.abs(exact[i]));
            }
            for (int i = begin; i < end; i++) {
                into[i] = block > 1 ? largest * share : halfUlp(type.label(), exact[i]);
            }
        }
    }

    private static double halfUlp(String label, float value) {
        double ulp = Math.ulp(value);
        // The exact value is itself rounded to f32, by up to half of its last place.
        return switch (label) {
            case "F32", "F64" -> ulp;
            case "BF16" -> Math.max(ulp * 65536, Float.MIN_VALUE * 65536.0) / 2 + ulp;
            case "F16" -> Math.max(ulp * 8192, 0x1p-24) / 2 + ulp;
            default -> ElementType.fromName(label).isPresent() ? Math.abs(value) / 8 : 0;
        };
    }
}
