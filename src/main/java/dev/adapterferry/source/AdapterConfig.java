package dev.adapterferry.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.io.IOException;

/** {@code adapter_config.json} on the far side, and the one member of it that tells when it was written. Its mathematics is read elsewhere. */
final class AdapterConfig {
    private static final int MAX_BYTES = 1 << 20;

    private AdapterConfig() { }

    /** Its content, which is small. */
    static byte[] read(FileTree tree, FileEntry config) {
        if (config.size() > MAX_BYTES) {
            throw new FerryException(config.name() + " in " + tree.place() + " has " + config.size() + " bytes; that is no adapter's configuration.");
        }
        return tree.read(config, 0, (int) config.size());
    }

    /** Whether it was saved by a finished training: PEFT sets {@code inference_mode} when it saves, pre-saved ones have it off. */
    static boolean isForInference(FileTree tree, FileEntry config) {
        if (config.size() > MAX_BYTES) {
            return false;
        }
        try {
            JsonNode json = JsonMapper.builder().build().readTree(tree.read(config, 0, (int) config.size()));
            return json != null && json.path("inference_mode").asBoolean(false);
        } catch (IOException e) {
            return false;
        }
    }
}
