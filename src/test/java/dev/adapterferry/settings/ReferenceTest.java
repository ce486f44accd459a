package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReferenceTest {
    private static final Path PAGE = Path.of("src/docs/settings.md");

    /** Run with {@code -Dferry.regenerate=true} after changing a record. */
    @Test
    void pageListsEveryKeyWithDefaultAndMeaning() throws IOException {
        String page = Files.readString(PAGE);
        int start = page.indexOf("| key |");
        int end = page.indexOf("\n\n", start) + 1;
        if (Boolean.getBoolean("ferry.regenerate")) {
            page = page.substring(0, start) + Reference.table() + page.substring(end);
            Files.writeString(PAGE, page);
        }
        assertThat(page).contains(Reference.table());
    }

    @Test
    void everyKeyHasAMeaningThatIsASentence() {
        assertThat(Reference.rows()).hasSizeGreaterThan(100).allSatisfy(row -> assertThat(row.meaning()).endsWith("."));
    }

    @Test
    void noTwoKeysShareAnEnvironmentVariable() {
        Map<String, String> keys = new HashMap<>();
        for (Reference.Row row : Reference.rows()) {
            assertThat(keys.put(Overrides.variable(row.key()), row.key())).as(row.key()).isNull();
        }
    }

    @Test
    void marksSecrets() {
        assertThat(Reference.rows()).filteredOn(Reference.Row::secret).extracting(Reference.Row::key)
                .contains("vast.api-key", "hub.token", "alerts.slack.webhook-url", "ledger.password", "http.token");
        assertThat(Reference.rows()).filteredOn(row -> row.key().matches(".*(key|token|password|secret|passphrase|webhook-url)"))
                .filteredOn(row -> !row.key().equals("vast.ssh-key")).allMatch(Reference.Row::secret);
    }
}
