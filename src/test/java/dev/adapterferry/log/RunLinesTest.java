package dev.adapterferry.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLinesTest {
    private static final Instant BEGAN = Instant.parse("2026-11-27T23:00:00Z");

    @TempDir
    Path logs;

    private void write(String day, String text) throws IOException {
        Files.writeString(logs.resolve("ferry-" + day + ".jsonl"), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static String line(String message, String run, String stage) {
        return "{\"time\":\"t\",\"message\":\"" + message + "\",\"run\":\"" + run + "\"" + (stage == null ? "" : ",\"stage\":\"" + stage + "\"") + ",\"model\":\"m\"}\n";
    }

    @Test
    void goesOnBehindWhatWasReadOverMidnightAndLeavesHalfALine() throws IOException {
        write("2026-11-26", line("too old", "a", null));
        write("2026-11-27", line("one", "a", null) + line("of another run", "b", null) + line("quotes \\\"run\\\":\\\"a\\\"", "b", null));
        RunLines lines = new RunLines(logs, BEGAN, "a", null);
        assertThat(lines.next()).containsExactly(line("one", "a", null).strip());
        assertThat(lines.next()).isEmpty();
        String next = line("two", "a", "merge");
        write("2026-11-28", next.substring(0, 20));
        assertThat(lines.next()).as("still being written").isEmpty();
        write("2026-11-28", next.substring(20) + line("three", "a", null));
        assertThat(lines.next()).containsExactly(next.strip(), line("three", "a", null).strip());
        assertThat(new RunLines(logs, BEGAN, "a", "merge").next()).containsExactly(next.strip());
    }

    @Test
    void readsALineThatIsLongerThanWhatIsReadAtOnce() throws IOException {
        String stack = "x".repeat(3_000_000);
        write("2026-11-28", line("before", "a", null) + line(stack, "a", null) + line("behind", "a", null));
        assertThat(new RunLines(logs, BEGAN, "a", null).next()).hasSize(3).anySatisfy(line -> assertThat(line).contains(stack));
    }

    @Test
    void findsNothingWhereThereAreNoLogs() {
        assertThat(new RunLines(logs.resolve("absent"), BEGAN, "a", null).next()).isEmpty();
    }
}
