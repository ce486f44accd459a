package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the JSON files beside a checkpoint. */
public final class JsonFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JsonFiles() { }

    /**
     * Reads a JSON object.
     *
     * @throws MalformedFile  when the file is no JSON object
     * @throws FerryException when it cannot be read
     */
    public static ObjectNode read(Path file) {
        try {
            if (JSON.readTree(Files.readAllBytes(file)) instanceof ObjectNode object) {
                return object;
            }
            throw new MalformedFile(file, 0, "expected a JSON object");
        } catch (JsonProcessingException e) {
            throw new MalformedFile(file, e.getLocation() == null ? -1 : e.getLocation().getByteOffset(), "not valid JSON (" + e.getOriginalMessage() + ")");
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + e.getMessage() + ".", e);
        }
    }

    /**
     * Reads a UTF-8 text.
     *
     * @throws FerryException when it cannot be read
     */
    public static String readText(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + " as UTF-8 text: " + e.getMessage() + ".", e);
        }
    }
}
