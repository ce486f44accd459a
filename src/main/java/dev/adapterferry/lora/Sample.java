package dev.adapterferry.lora;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What was found in some rows of one written tensor.
 *
 * @param tensor     its name in the output
 * @param format     how it is kept there
 * @param elements   number of sampled elements
 * @param worst      largest error, in units of the format's rounding: up to 1 is right
 * @param moved      how far it moved along the delta: 1 is right, 0 is the base; null where no delta was expected in the sample
 * @param noise      standard error of {@code moved} from the format's rounding
 * @param shortening how far {@code moved} may be off because the format shortens its values
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Sample(String tensor, String format, long elements, double worst, Double moved, double noise, double shortening) {
    /** Whether the tensor is as it should be. */
    public boolean landed() {
        return worst <= 1 && (moved == null || Math.abs(moved - 1) <= tolerance());
    }

    /** Five standard errors: rounding alone does not get there in any number of tensors that a model has. */
    double tolerance() {
        return 0.01 + 5 * noise + 2 * shortening;
    }

    /** Whether the sample could tell the merged tensor from the base's. */
    boolean tells() {
        return moved != null && tolerance() < 0.5;
    }
}
