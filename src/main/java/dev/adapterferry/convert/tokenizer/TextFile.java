package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the text files beside a checkpoint. */
public final class TextFile {
    private TextFile() { }

    /**
     * Reads a UTF-8 text, without its byte order mark.
     *
     * @throws FerryException when it cannot be read
     */
    public static String read(Path file) {
        try {
            String text = Files.readString(file);
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + " as UTF-8 text: " + Durable.reason(e) + ".", e);
        }
    }
}
