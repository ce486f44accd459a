package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a journal says after its process is gone. */
class JournalFileTest {
    @TempDir
    Path folder;

    private static JsonNode line(int number) {
        return JsonNodeFactory.instance.objectNode().put("number", number).put("name", "Fähre");
    }

    @Test
    void givesBackItsLinesAndPassesOverOneThatIsCutShort() throws IOException {
        Path file = folder.resolve("journal");
        assertThat(JournalFile.read(file)).isEmpty();
        try (JournalFile journal = JournalFile.start(file, "k", List.of(line(1)))) {
            journal.append(List.of(line(2), line(3)));
            journal.append(List.of(line(4)));
        }
        assertThat(JournalFile.read(file)).contains(new JournalFile.Left("k", List.of(line(1), line(2), line(3), line(4))));
        byte[] whole = Files.readAllBytes(file);
        // Wherever it is cut, what is left of it is lines that were written, and never a made-up one.
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(whole, length));
            JournalFile.Left left = JournalFile.read(file).orElseThrow();
            assertThat(left.key()).isIn("", "k");
            assertThat(List.of(line(1), line(2), line(3), line(4)).subList(0, left.lines().size())).isEqualTo(left.lines());
        }
        JournalFile.start(file, "other", List.of()).delete();
        assertThat(file).doesNotExist();
    }
}
