package dev.adapterferry.quant;

import static dev.adapterferry.quant.GgmlType.Q3_K;
import static dev.adapterferry.quant.GgmlType.Q4_1;
import static dev.adapterferry.quant.GgmlType.Q4_K;
import static dev.adapterferry.quant.GgmlType.Q5_1;
import static dev.adapterferry.quant.GgmlType.Q5_K;
import static dev.adapterferry.quant.GgmlType.Q6_K;
import static dev.adapterferry.quant.GgmlType.Q8_0;

/**
 * Which tensors of a mix get a type other than its base type: llama.cpp's {@code llama_tensor_get_type} of 2026, in
 * which fused and latent value projections follow the rule of value projections. One instance chooses for one output;
 * it counts the tensors of each role, so it must see them in file order.
 */
final class MixRules {
    private static final String FALCON = "falcon";

    private final ModelFacts model;
    private final Mix mix;
    private final boolean importance;
    private final int valueTensors;
    private int values;
    private int downs;

    /**
     * @param model        the model
     * @param mix          the mix
     * @param importance   an importance matrix is used
     * @param valueTensors number of value-like tensors in the file
     */
    MixRules(ModelFacts model, Mix mix, boolean importance, int valueTensors) {
        this.model = model;
        this.mix = mix;
        this.importance = importance;
        this.valueTensors = valueTensors;
    }

    /**
     * The type of the next tensor, its shape not considered.
     *
     * @param role    its role; not OUTPUT, for which {@link #output} is asked
     * @param layer   number after {@code blk.} in its name, 0 without one
     * @param stacked whether it holds one matrix per expert
     */
    GgmlType next(TensorRole role, int layer, boolean stacked) {
        if (mix == Mix.MXFP4_MOE) {
            boolean feedForward = role == TensorRole.UP || role == TensorRole.GATE || role == TensorRole.DOWN;
            return stacked && (feedForward || !model.architecture().equals("bailingmoe3")) ? base() : Q8_0;
        }
        return switch (role) {
            case QKV, KV_B, VALUE -> value(values++);
            case KEY -> eightExperts() ? Q8_0 : base();
            case ATTENTION_OUTPUT -> attentionOutput();
            case DOWN -> {
                int counted = downs++;
                // With experts there are several per layer, and the counter would run ahead of it.
                yield down(model.expertCount() > 1 ? layer : counted);
            }
            case OUTPUT, EMBEDDING, QUERY, UP, GATE, OTHER -> base();
        };
    }

    /** The type of the output projection, or of the embedding that serves as one. */
    GgmlType output(long rowLength) {
        if (mix == Mix.MXFP4_MOE || model.architecture().equals(FALCON) || rowLength % base().blockElements() != 0 || base() == Q8_0) {
            return Q8_0;
        }
        return Q6_K;
    }

    private GgmlType value(int i) {
        boolean shared = model.groupedHeads() >= 4;
        GgmlType type = switch (mix) {
            case Q2_K -> shared ? Q4_K : Q3_K;
            case Q3_K_M -> i < 2 ? Q5_K : Q4_K;
            case Q3_K_L -> Q5_K;
            case Q4_K_S -> i < 4 ? Q5_K : base();
            case Q4_K_M, Q5_K_M -> more(i, valueTensors) ? Q6_K : base();
            case IQ4_NL, IQ4_XS -> shared ? Q5_K : base();
            default -> base();
        };
        if (model.isSeventyBillion() && (type == Q3_K || type == Q4_K)) {
            type = Q5_K;
        }
        return eightExperts() ? Q8_0 : type;
    }

    private GgmlType down(int layer) {
        boolean falcon = model.architecture().equals(FALCON);
        int layers = model.blockCount();
        boolean early = layer < layers / 8;
        return switch (mix) {
            case Q2_K -> Q3_K;
            case Q3_K_M -> layer < layers / 16 ? Q5_K : !falcon || more(layer, layers) ? Q4_K : Q3_K;
            case Q3_K_L -> falcon ? Q4_K : Q5_K;
            case Q4_K_S -> !falcon && early ? Q5_K : base();
            case Q4_K_M -> {
                if (!falcon) {
                    yield more(layer, layers) ? Q6_K : base();
                }
                yield layer < layers / 16 ? Q6_K : more(layer, layers) ? Q5_K : Q4_K;
            }
            case Q5_K_M -> more(layer, layers) ? Q6_K : base();
            case Q4_0 -> importance && early ? Q4_1 : base();
            case Q5_0 -> importance && early ? Q5_1 : base();
            case IQ4_NL, IQ4_XS -> !importance && early ? Q5_K : base();
            default -> base();
        };
    }

    private GgmlType attentionOutput() {
        if (model.architecture().equals(FALCON)) {
            return mix == Mix.Q3_K_L ? Q4_K : base();
        }
        if (eightExperts()) {
            return switch (mix) {
                case Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M, IQ4_NL, IQ4_XS -> Q5_K;
                default -> base();
            };
        }
        return switch (mix) {
            case Q2_K -> Q3_K;
            case Q3_K_M -> Q4_K;
            case Q3_K_L -> Q5_K;
            default -> base();
        };
    }

    private GgmlType base() {
        return mix.baseType();
    }

    /** Exactly eight, Mixtral's number; other mixtures of experts are treated as dense models. */
    private boolean eightExperts() {
        return model.expertCount() == 8;
    }

    /** The first eighth, the last eighth, and every third between: llama.cpp's {@code use_more_bits}. */
    private static boolean more(int i, int n) {
        return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
    }
}
