package dev.adapterferry.convert;

import java.util.stream.IntStream;

/** Frequencies of the rotation as llama.cpp computes them: factors from the file, and YaRN ({@code ggml_rope_yarn_corr_dims}, {@code rope_yarn}). */
final class GgufRope {
    private GgufRope() { }

    /** Sets divisors and magnitude of a model's rotation. */
    static void read(GgufTensors file, Decoder d) {
        d.ropeFactors = file.find("rope_freqs.weight").or(() -> file.find("rope_factors_short.weight")).map(file::vector).orElse(null);
        d.ropeMagnitude = file.number("rope.scaling.attn_factor", 1);
        double factor = file.number("rope.scaling.factor", 1);
        if (file.text("rope.scaling.type").equals("yarn")) {
            double base = file.number("rope.freq_base", 10000);
            double original = file.number("rope.scaling.original_context_length", file.number("context_length", 0));
            double first = Math.max(0, Math.floor(dimension(d.ropeDimensions, original, file.number("rope.scaling.yarn_beta_fast", 32), base)));
            double last = Math.min(d.ropeDimensions - 1, Math.ceil(dimension(d.ropeDimensions, original, file.number("rope.scaling.yarn_beta_slow", 1), base)));
            d.ropeFactors = IntStream.range(0, d.ropeDimensions / 2).mapToDouble(pair -> {
                double ramp = 1 - Math.min(1, Math.max(0, (pair - first) / Math.max(0.001, last - first)));
                // The angle is mixed of the interpolated and the plain one; as a divisor of the plain one:
                return 1 / ((1 - ramp) / factor + ramp);
            }).toArray();
            double multiplier = file.number("rope.scaling.yarn_log_multiplier", 0);
            d.ropeMagnitude *= magnitude(factor, 1) / (multiplier == 0 ? 1 : magnitude(factor, multiplier));
        }
    }

    /** The pair of dimensions that turns so many times within the original context. */
    private static double dimension(int dimensions, double context, double turns, double base) {
        return dimensions * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    private static double magnitude(double factor, double multiplier) {
        return factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;
    }
}
