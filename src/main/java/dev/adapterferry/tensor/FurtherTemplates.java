package dev.adapterferry.tensor;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The folder in which transformers keeps a model's further chat templates (for tools, for retrieval), beside {@code chat_template.jinja}. */
public final class FurtherTemplates {
    /** Its name. */
    public static final String FOLDER = "additional_chat_templates";
    /** How its files end; what is before is the template's name. */
    public static final String ENDING = ".jinja";

    private FurtherTemplates() { }

    /**
     * The further templates that belong to a template.
     *
     * @param template a model's {@code chat_template.jinja}
     * @return files by name; empty where there is no such folder
     */
    public static List<Path> beside(Path template) {
        Path folder = template.resolveSibling(FOLDER);
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().endsWith(ENDING) && Files.isRegularFile(file)).sorted().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list " + folder + ": " + Durable.reason(e) + ".", e);
        }
    }
}
