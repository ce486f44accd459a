package dev.adapterferry.stage;

import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.PromptSet;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Which prompt sets a model is scored on. */
final class PromptSets {
    private PromptSets() { }

    /** The model's sets by name, or every set of the folder; a named set that is missing is an error. */
    static List<Path> files(Settings settings, String model) {
        Path folder = settings.evaluate().path();
        List<String> names = settings.model(model).evaluation();
        if (!names.isEmpty()) {
            return names.stream().map(name -> {
                Path set = folder.resolve(name + ".jsonl");
                if (!Files.isRegularFile(set)) {
                    throw new FerryException("Cannot evaluate " + model + ": there is no prompt set " + set + ".");
                }
                return set;
            }).toList();
        }
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().endsWith(".jsonl")).sorted().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list the prompt sets in " + folder + ": " + Durable.reason(e) + ".", e);
        }
    }

    /**
     * All prompts of a model's sets.
     *
     * @throws FerryException when there is none, or a set is not readable
     */
    static List<Prompt> prompts(Settings settings, String model) {
        List<Path> files = files(settings, model);
        if (files.isEmpty()) {
            throw new FerryException("Cannot evaluate " + model + ": there is no prompt set in " + settings.evaluate().path() + ". Put a .jsonl file there (src/docs/evaluation.md says how), or set evaluate.path.");
        }
        return PromptSet.read(files);
    }
}
