package dev.adapterferry.convert;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;

/** What those share who write hyperparameters that an expression cannot say: whose they are, where they come from, where they go. */
abstract class ParameterWriter {
    final String model;
    final Architecture architecture;
    final ModelConfig config;
    final GgufMetadata into;

    /** @param model the checkpoint's name, for messages */
    ParameterWriter(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        this.model = model;
        this.architecture = architecture;
        this.config = config;
        this.into = into;
    }

    /** The name of a parameter with that of the architecture in front. */
    String key(String name) {
        return architecture.arch() + "." + name;
    }

    /**
     * A whole number of the configuration.
     *
     * @param expression a field, or what is taken instead where it is missing
     * @throws FerryException when there is none; names the field
     */
    int whole(String expression) {
        return Math.toIntExact(config.findLong(expression).orElseThrow(() -> new FerryException("Cannot convert " + model + ": config.json lacks '" + expression.replaceAll(" .*", "") + "', which " + architecture.arch()
                + " needs. Take config.json from the base model again.")));
    }

    /** Number of layers. */
    int blocks() {
        return whole("block_count");
    }
}
