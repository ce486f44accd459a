package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.Optional;

/** The ends of Hunyuan's dense models: config.json names that of a text beside that of the turns, of which generation_config.json names the one in use first. */
final class HunyuanEnds {
    private HunyuanEnds() { }

    /**
     * Sets both.
     *
     * @param generation generation_config.json, if there is one
     * @param rows       ids from here on are ignored
     */
    static void set(SpecialTokens special, ObjectNode config, Optional<Path> generation, int rows) {
        override(special, "eos", config.path("eod_token_id").isMissingNode() ? config.at("/text_config/eod_token_id") : config.get("eod_token_id"), rows);
        generation.map(file -> CheckpointFolder.readObject(file).path("eos_token_id")).filter(ends -> ends.size() > 1).ifPresent(ends -> override(special, "eot", ends.get(0), rows));
    }

    private static void override(SpecialTokens special, String kind, JsonNode id, int rows) {
        if (id.isIntegralNumber() && id.intValue() >= 0 && id.intValue() < rows) {
            special.override(kind, id.intValue());
        }
    }
}
