package dev.adapterferry.convert;

import java.util.Optional;

/** Ways of stretching positions ({@code rope_scaling}) that a model asks for and its file cannot say: llama.cpp then turns queries and keys as if nothing had been asked. */
final class RopeScaling {
    private RopeScaling() { }

    /**
     * What a user has to know of it.
     *
     * @return empty where the file says all that config.json does
     */
    static Optional<String> note(Architecture architecture, ModelConfig config) {
        String type = config.fullRope().path("rope_type").asText("default");
        String before = "config.json stretches positions by rope_scaling of type '" + type + "', which llama.cpp ";
        return switch (type) {
            // Written as keys, or as factors where the architecture knows them.
            case "default", "linear", "yarn", "su", "longrope", "mrope", "xdrope", "proportional" -> Optional.empty();
            case "llama3" -> architecture.generated().stream().anyMatch(made -> made.startsWith("llama3-rope-factors")) ? Optional.empty()
                    : Optional.of(before + "does not do for " + architecture.arch() + ": expect other answers than in transformers, the more so the longer the text.");
            case "dynamic" -> architecture.parameters().stream().anyMatch(parameter -> parameter.key().equals("hunyuan-rope")) ? Optional.empty()
                    : Optional.of(before + "does not do: up to max_position_embeddings tokens the answers are the same, in longer texts they are not.");
            default -> Optional.of(before + "does not know: expect other answers than with the model's own code.");
        };
    }
}
