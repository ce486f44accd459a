package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.stream.IntStream;

/** Frequencies of the rotation as transformers computes them ({@code modeling_rope_utils}). */
final class CheckpointRope {
    private CheckpointRope() { }

    /** Sets divisors and magnitude of a model's rotation. */
    static void read(JsonNode config, Decoder d) {
        JsonNode scaling = config.path(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
        double theta = scaling.path("rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
        int half = d.ropeDimensions / 2;
        switch (scaling.path("rope_type").asText(scaling.path("type").asText())) {
            case "llama3" -> {
                double factor = scaling.get("factor").asDouble();
                double low = scaling.get("low_freq_factor").asDouble();
                double high = scaling.get("high_freq_factor").asDouble();
                double original = scaling.get("original_max_position_embeddings").asDouble();
                d.ropeFactors = IntStream.range(0, half).mapToDouble(i -> {
                    double wavelength = 2 * Math.PI * Math.pow(theta, 2.0 * i / d.ropeDimensions);
                    double smooth = (original / wavelength - low) / (high - low);
                    // Interpolated between the scaled and the plain frequency, both over the plain one.
                    return wavelength < original / high ? 1 : wavelength > original / low ? factor : 1 / ((1 - smooth) / factor + smooth);
                }).toArray();
            }
            case "longrope" -> {
                // Short factors as long as the sequence fits the original context; the magnitude is the same for both.
                d.ropeFactors = IntStream.range(0, half).mapToDouble(i -> scaling.get("short_factor").get(i).asDouble()).toArray();
                double original = config.get("original_max_position_embeddings").asDouble();
                double magnitude = Math.sqrt(1 + Math.log(config.get("max_position_embeddings").asDouble() / original) / Math.log(original));
                // Phi-3.5-MoE has its own.
                d.ropeMagnitude = scaling.path("short_mscale").asDouble(magnitude);
            }
            case "yarn" -> yarn(scaling, theta, d);
            default -> { }
        }
    }

    /** {@code _compute_yarn_parameters}: frequencies that turn often stay, those that turn rarely are interpolated, a ramp lies between. */
    private static void yarn(JsonNode scaling, double theta, Decoder d) {
        double factor = scaling.get("factor").asDouble();
        double context = scaling.get("original_max_position_embeddings").asDouble();
        double low = Math.max(Math.floor(correction(scaling.path("beta_fast").asDouble(32), d.ropeDimensions, theta, context)), 0);
        double high = Math.min(Math.ceil(correction(scaling.path("beta_slow").asDouble(1), d.ropeDimensions, theta, context)), d.ropeDimensions - 1);
        double[] factors = new double[d.ropeDimensions / 2];
        for (int i = 0; i < factors.length; i++) {
            double plain = 1 / Math.pow(theta, 2.0 * i / d.ropeDimensions);
            double extrapolated = 1 - Math.clamp((i - low) / (high == low ? 0.001 : high - low), 0, 1);
            double frequency = plain / factor * (1 - extrapolated) + plain * extrapolated;
            factors[i] = plain / frequency;
        }
        d.ropeFactors = factors;
        boolean both = scaling.has("mscale") && scaling.has("mscale_all_dim");
        d.ropeMagnitude = both ? mscale(factor, scaling.get("mscale").asDouble()) / mscale(factor, scaling.get("mscale_all_dim").asDouble()) : mscale(factor, 1);
    }

    private static double correction(double rotations, int dimensions, double theta, double context) {
        return dimensions * Math.log(context / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    private static double mscale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }
}
