package dev.adapterferry.quant;

import java.util.List;
import java.util.Optional;

/**
 * What a user asks of one output: a mix and, if wanted, exceptions. The options are llama-quantize's.
 *
 * @param mix         the mix
 * @param importance  an importance matrix will be used
 * @param output      {@code --output-tensor-type}: type of {@code output.weight} (of the embedding, where it serves as output)
 * @param embedding   {@code --token-embedding-type}
 * @param overrides   {@code --tensor-type}, the first that matches decides
 * @param pure        {@code --pure}: the mix's base type for all, no rules
 * @param leaveOutput {@code --leave-output-tensor}: {@code output.weight} stays as it is
 */
public record TypeRequest(Mix mix, boolean importance, Optional<GgmlType> output, Optional<GgmlType> embedding,
        List<TypeOverride> overrides, boolean pure, boolean leaveOutput) {
    /** Copies the overrides. */
    public TypeRequest {
        overrides = List.copyOf(overrides);
    }

    /** The mix alone. */
    public static TypeRequest of(Mix mix, boolean importance) {
        return new TypeRequest(mix, importance, Optional.empty(), Optional.empty(), List.of(), false, false);
    }
}
