package dev.adapterferry.lora;

import java.util.Set;

/**
 * How an adapter's factors began, as far as that changed the base under them. PEFT repeats such an initialisation whenever it loads
 * the adapter; who merges into the untouched base gets a wrong model and no error.
 */
enum Initialization {
    /** The base stayed as it was, or what was taken out of it is given as an initial adapter. */
    PLAIN,
    /** PiSSA: the strongest singular directions were taken out of the base. */
    PRINCIPAL,
    /** OLoRA: the part of the base in the span of its first columns was taken out. */
    ORTHONORMAL;

    private static final Set<String> HARMLESS = Set.of("true", "false", "gaussian", "eva", "orthogonal", "mica");

    boolean changesBase() {
        return this != PLAIN;
    }

    /**
     * Tells what an adapter's {@code init_lora_weights} asks of a merge, or refuses it with the reason.
     *
     * @param config     the adapter's configuration
     * @param hasInitial whether the adapter before training is at hand
     * @param options    what may pass
     * @param drafts     refuses and warns
     */
    static Initialization of(AdapterConfig config, boolean hasInitial, MergeOptions options, Drafts drafts) {
        String init = config.init();
        if (HARMLESS.contains(init)) {
            if (hasInitial) {
                throw drafts.refusal("an initial adapter was given, but init_lora_weights is " + init + ", which leaves the base as it is. Merge without it");
            }
            return PLAIN;
        }
        if (hasInitial) {
            if (init.equals("loftq")) {
                drafts.warnings().add("LoftQ trained on a quantized base; the merge into the 16-bit base differs from it by that quantization");
            }
            return PLAIN;
        }
        if (init.equals("pissa")) {
            return PRINCIPAL;
        }
        if (init.equals("olora")) {
            return ORTHONORMAL;
        }
        if (init.matches("pissa_niter_\\d+")) {
            if (!options.allowed().contains(init)) {
                throw drafts.refusal("init_lora_weights is " + init + ", a randomised decomposition that cannot be repeated. Give the adapter as it was before training"
                        + " (initial), or allow '" + init + "' by name to use the exact decomposition in its place");
            }
            drafts.warnings().add("the randomised decomposition of " + init + " was replaced by the exact one");
            return PRINCIPAL;
        }
        throw drafts.refusal("init_lora_weights is " + init + ", which changed the base in a way that cannot be computed again. Give the adapter as it was before training"
                + " (initial), or save it with path_initial_model_for_weight_conversion");
    }
}
