package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.SentenceModules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How the vectors of a text's tokens become the one vector of the text, as sentence-transformers writes it down
 * ({@link SentenceModules}), usually in {@code 1_Pooling/config.json}.
 *
 * @param type  llama.cpp's number for it, the value of {@code pooling_type}: 1 mean, 2 first token, 3 last token
 * @param notes what the user should know, one sentence each
 */
record Pooling(int type, List<String> notes) {
    private static final int MEAN = 1;
    private static final int FIRST = 2;
    private static final int LAST = 3;

    /**
     * The pooling of a checkpoint.
     *
     * @param embeds whether models of this architecture do nothing but embed
     * @return empty for a model that goes on with a text
     * @throws FerryException when it is of a kind that llama.cpp does not have, or the files contradict each other
     */
    static Optional<Pooling> of(Checkpoint checkpoint, boolean embeds) {
        Optional<SentenceModules> modules = SentenceModules.of(checkpoint);
        if (modules.isEmpty()) {
            return embeds ? Optional.of(new Pooling(MEAN, List.of("The checkpoint does not say how the vectors of a text's tokens become one (it has no " + SentenceModules.NAME
                    + "); the file says by their mean, as sentence-transformers takes it then."))) : Optional.empty();
        }
        return modules.get().of("Pooling").stream().findFirst()
                .map(pooling -> new Pooling(type(checkpoint.name(), CheckpointFolder.readObject(modules.get().folder(pooling).resolve("config.json"))), List.of()));
    }

    private static int type(String model, JsonNode config) {
        List<String> modes = new ArrayList<>();
        JsonNode named = config.path("pooling_mode");
        if (named.isTextual()) {
            modes.add(named.asText());
        }
        config.fields().forEachRemaining(field -> {
            if (field.getKey().startsWith("pooling_mode_") && field.getValue().asBoolean()) {
                modes.add(field.getKey().substring("pooling_mode_".length()).replaceAll("_tokens?$", ""));
            }
        });
        return switch (modes.size() == 1 ? modes.getFirst() : "") {
            case "mean" -> MEAN;
            case "cls" -> FIRST;
            case "lasttoken" -> LAST;
            default -> throw new FerryException("Cannot convert " + model + ": its vectors are pooled by " + (modes.isEmpty() ? "nothing that is named" : String.join(" and ", modes))
                    + "; llama.cpp has mean, cls and lasttoken, one of them at a time.");
        };
    }
}
