package dev.adapterferry.probe;

import dev.adapterferry.modelserver.Endpoint;
import java.nio.file.Path;
import java.util.List;

/**
 * The deployed model to be checked.
 *
 * @param model       its name in the settings
 * @param files       files that should be installed
 * @param endpoint    server that should answer for it
 * @param modelId     id under which the server should list it; compared without regard to case
 * @param system      system prompt to send, or null
 * @param temperature temperature to send
 * @param prompts     test prompts with what their answers must satisfy
 * @param format      quantization that should be loaded, or null when any will do
 * @param context     context length in tokens that it should be loaded with, or null when any will do
 * @param embedded    whether the server runs in this process, on these files
 */
public record Subject(String model, List<InstalledFile> files, Endpoint endpoint, String modelId, String system, double temperature, List<TestPrompt> prompts, String format, Integer context,
                      boolean embedded) {
    /**
     * One installed file.
     *
     * @param path   where it should be
     * @param bytes  its size, or -1 when unknown
     * @param sha256 its digest, or null when unknown
     */
    public record InstalledFile(Path path, long bytes, String sha256) { }

    /** A model that may be loaded in any quantization and with any context, on a server of its own. */
    public Subject(String model, List<InstalledFile> files, Endpoint endpoint, String modelId, String system, double temperature, List<TestPrompt> prompts) {
        this(model, files, endpoint, modelId, system, temperature, prompts, null, null, false);
    }

    /** Copies the lists. */
    public Subject {
        files = List.copyOf(files);
        prompts = List.copyOf(prompts);
    }
}
