package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.Set;

/**
 * What a checkpoint of any architecture computes by its definition, and how close llama.cpp must come to that. What llama.cpp does otherwise,
 * whatever a file says, is taken over here: each such thing is in {@code architectures.md}.
 *
 * @param forward the computation in double arithmetic
 * @param bound   the largest difference of a logit, relative to the largest logit
 */
record ReferenceLogits(Forward forward, double bound) {
    /** Where llama.cpp rounds nothing. */
    private static final double EXACT = 1e-5;
    /** Linear attention: what a state answers may be as small as 1e-5, and the norm behind it blows up what F32 rounds; 7e-6 were found. */
    private static final double LINEAR = 5e-5;
    /** Of Gemma 3n's few gates hardly five are open in a sparse layer, and norms behind them: 25 such layers make 1e-4 of what F32 rounds. */
    private static final double SPARSE = 5e-3;
    /** Falcon Mamba's inner norms have an epsilon of their own, and llama.cpp takes the model's. */
    private static final double EPSILON = 1e-4;
    /** Where llama.cpp looks GELU up in a table of F16. */
    private static final double TABLE = 1e-3;

    /** A forward pass. */
    interface Forward {
        /** One row of logits per token. */
        double[][] logits(int... tokens);
    }

    static ReferenceLogits of(MemoryCheckpoint checkpoint) {
        String model = checkpoint.rawConfig().at("/architectures/0").asText();
        if (model.startsWith("Gemma3n")) {
            return new ReferenceLogits(Gemma3nCheckpoint.of(checkpoint)::logits, SPARSE);
        }
        if (model.startsWith("Step3p") || model.startsWith("MiMoV2")) {
            return new ReferenceLogits(new WindowedCheckpoint(checkpoint)::logits, EXACT);
        }
        if (model.startsWith("Gemma4")) {
            return new ReferenceLogits(Gemma4Checkpoint.of(checkpoint)::logits, TABLE);
        }
        if (T5Forward.knows(checkpoint)) {
            return new ReferenceLogits(T5Forward.of(checkpoint)::logits, checkpoint.rawConfig().path("feed_forward_proj").asText().equals("relu") ? EXACT : TABLE);
        }
        Decoder decoder = CheckpointDecoder.of(checkpoint);
        // In Gemma's many layers what the table rounds adds up; MPT has nothing but GELU.
        decoder.coarse = model.startsWith("Gemma") || model.equals("MPTForCausalLM");
        asLlamaCppKnowsPhiMoe(decoder);
        // llama.cpp leaves the mean in.
        decoder.layerNorm &= !model.equals("GPTRefactForCausalLM");
        if (model.startsWith("HunYuanVL")) {
            asLlamaCppCountsTexts(checkpoint.rawConfig().at("/rope_scaling/xdrope_section"), decoder);
        }
        decoder.layers.stream().filter(layer -> layer.experts != null).forEach(layer -> layer.experts.pairsOfMade = true);
        boolean gelu = Set.of(Activation.GELU, Activation.GELU_TANH).contains(decoder.activation);
        return new ReferenceLogits(decoder::logits, gelu ? TABLE : model.startsWith("Qwen3Next") || model.startsWith("Qwen3_5") || model.startsWith("KimiLinear") ? LINEAR : model.startsWith("FalconMamba") ? EPSILON : EXACT);
    }

    double[][] logits(int... tokens) {
        return forward.logits(tokens);
    }

    /** For llama.cpp the fourth part of the positions of a text is 0: pairs of that section do not turn. */
    private static void asLlamaCppCountsTexts(JsonNode sections, Decoder reference) {
        reference.ropeFactors = new double[reference.ropeDimensions / 2];
        Arrays.fill(reference.ropeFactors, 1);
        Arrays.fill(reference.ropeFactors, reference.ropeFactors.length - sections.get(3).asInt(), reference.ropeFactors.length, Double.POSITIVE_INFINITY);
    }

    /** llama.cpp leaves the mean in the norms of Phi-3.5-MoE, and weighs the two chosen experts as Mixtral does. */
    private static void asLlamaCppKnowsPhiMoe(Decoder reference) {
        for (Decoder.Layer layer : reference.layers) {
            if (layer.experts != null && layer.experts.shares == Shares.SPARSE_MIXER) {
                layer.experts.shares = Shares.SOFTMAX;
                layer.experts.renormalise = true;
                reference.layerNorm = false;
            }
        }
    }
}
