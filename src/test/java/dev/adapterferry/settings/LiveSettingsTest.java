package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an edit of the file changes while the daemon runs. */
class LiveSettingsTest {
    @TempDir
    Path folder;

    private final Path file = Path.of("ferry.yaml");

    private Path write(String yaml) throws IOException {
        return Files.writeString(folder.resolve(file), yaml);
    }

    @Test
    void everyKeyThatIsMarkedWaitsForTheNextStartAndTheOthersDoNot() throws IOException {
        Path path = write("home: one\n");
        LiveSettings live = new LiveSettings(Optional.of(path), pinned -> new SettingsLoader(folder, Map.of()).load(Optional.of(path), pinned), settings -> { });
        write("""
                home: two
                log: {path: other-logs}
                ledger: {url: "jdbc:postgresql://h/d", user: u, password: "${A:p}", lease: 1m}
                inbox: {path: box}
                health: {timeout: 7s}
                vast: {poll: "0 0 3 * * ?"}
                models: {majora: {}}
                """);
        LiveSettings.Next next = live.read();
        List<String> marked = Reference.rows().stream().filter(Reference.Row::restart).map(Reference.Row::key).sorted().toList();
        assertThat(next.changes().restart()).as("every key that the reference marks").containsExactlyElementsOf(marked);
        assertThat(next.settings().home()).isEqualTo(folder.resolve("one"));
        assertThat(next.settings().log().path()).isEqualTo(folder.resolve("one/logs"));
        assertThat(next.settings().inbox().path()).as("taken over, below the home that stays").isEqualTo(folder.resolve("one/box"));
        assertThat(next.settings().health().timeout()).hasSeconds(7);
        assertThat(next.settings().vast().poll().text()).isEqualTo("0 0 3 * * ?");
        assertThat(next.settings().models()).containsKey("majora");
        assertThat(live.get().home()).as("nothing is in force before it is adopted").isEqualTo(folder.resolve("one"));
        live.adopt(next.settings());
        assertThat(live.get().models()).containsKey("majora");
    }
}
