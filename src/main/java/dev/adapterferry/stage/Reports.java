package dev.adapterferry.stage;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;

/** Writes a stage's report as JSON: absent or complete. */
final class Reports {
    private Reports() { }

    static void write(Path file, Object report) {
        try {
            Durable.write(file, Records.JSON.writeValueAsString(report));
        } catch (JsonProcessingException e) {
            throw new FerryException("Cannot write the report " + file + ": " + e.getMessage(), e);
        }
    }

    static void writeBytes(Path file, byte[] report) {
        Durable.write(file, new String(report, java.nio.charset.StandardCharsets.UTF_8));
    }
}
