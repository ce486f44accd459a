package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.HttpReply;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.source.PullRecord;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the schedule finds: new and finished adapters, each once, and no trouble where an instance is merely stopped. */
class LookoutTest {
    @TempDir
    Path dir;
    private Ledger ledger;
    private Lookout lookout;
    private String status = "exited";

    @BeforeEach
    void open() throws Exception {
        Path file = dir.resolve("ferry.yaml");
        Files.writeString(file, """
                home: %s
                models:
                  majora: {source: {instance-id: 7, path: /out}}
                  nayru: {source: {path: /out}}
                  veran: {source: {url: "file:%s"}}
                  hylia: {enabled: false, source: {url: "file:%s"}}
                source: {settle: 0s}
                """.formatted(dir.resolve("home"), dir.resolve("out"), dir.resolve("out")));
        Settings settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), new HashMap<>(Map.of("vast.api-key", "key"))).settings();
        Files.createDirectories(settings.home());
        ledger = Ledger.open(settings.ledger().url(), settings.ledger().user(), settings.ledger().password(), settings.ledger().lease());
        lookout = new Lookout(settings, ledger, new AdapterSources(call -> reply(call.uri().getPath()), (connection, login) -> connection, bucket -> {
            throw new AssertionError("no bucket is asked for");
        }));
    }

    @AfterEach
    void close() {
        ledger.close();
    }

    private HttpReply reply(String path) {
        String instance = status.isEmpty() ? "null" : "{\"id\":7,\"label\":\"other\",\"actual_status\":\"" + status + "\"}";
        String body = path.endsWith("/7/") ? "{\"instances\":" + instance + "}" : "{\"success\":true,\"instances\":[],\"next_token\":null}";
        return new HttpReply(200, Map.of(), body.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void tellsModelsOnInstancesFromThoseElsewhere() {
        assertThat(lookout.onInstances()).containsExactly("majora", "nayru");
        assertThat(lookout.elsewhere()).as("hylia is switched off").containsExactly("veran");
    }

    @Test
    void findsNothingOnAnInstanceThatIsStoppedOrGone() {
        assertThat(lookout.look("majora")).isEmpty();
        status = "";
        assertThat(lookout.look("majora")).isEmpty();
        assertThat(lookout.look("nayru")).as("no instance carries its label").isEmpty();
    }

    @Test
    void findsAFinishedAdapterUntilItWasCarried() {
        AdapterFixture fixture = new AdapterFixture(dir.resolve("out")).peft("", 4096, 1);
        assertThat(lookout.look("veran")).hasValueSatisfying(find -> {
            assertThat(find.place()).isEqualTo(dir.resolve("out").toString());
            assertThat(find.request().model()).isEqualTo("veran");
            assertThat(find.request().trigger()).isEqualTo("schedule");
        });
        Map<String, String> digests = new HashMap<>();
        for (String name : new String[] {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "tokenizer_config.json"}) {
            digests.put(name, AdapterFixture.sha256(fixture.root().resolve(name)));
        }
        ledger.adapters().add(PullRecord.identity(digests), "veran", null, null, null);
        assertThat(lookout.look("veran")).isEmpty();
        fixture.peft("", 4096, 2);
        assertThat(lookout.look("veran")).as("the same folder, trained anew").isPresent();
    }

    @Test
    void leavesARunningTrainingAlone() {
        new AdapterFixture(dir.resolve("out")).checkpoint(120, 450, 1);
        assertThat(lookout.look("veran")).isEmpty();
    }
}
