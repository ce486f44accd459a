package dev.adapterferry.serve;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A model that a server offers.
 *
 * @param name          id by which clients ask for it
 * @param file          GGUF file
 * @param systemPrompt  put in front of conversations that bring none, or null
 * @param temperature   where a request names none, or null for llama.cpp's usual 0.8
 * @param contextLength tokens of prompt and answer; 0 for what is usual (see GeneratingModel)
 */
public record ServedModel(String name, Path file, String systemPrompt, Double temperature, int contextLength) {
    /** Checks. */
    public ServedModel {
        Objects.requireNonNull(file);
        if (name.isBlank()) {
            throw new SettingsException("A served model needs a name; " + file + " has none.");
        }
        if (contextLength < 0) {
            throw new SettingsException("The context length of " + name + " must not be negative, it is " + contextLength + ".");
        }
    }

    /** A file under a name, everything else as usual. */
    public static ServedModel of(String name, Path file) {
        return new ServedModel(name, file, null, null, 0);
    }
}
