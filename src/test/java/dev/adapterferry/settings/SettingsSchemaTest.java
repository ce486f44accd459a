package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsSchemaTest {
    private static final Path FILE = Path.of("src/main/resources/dev/adapterferry/settings/ferry.schema.json");

    @TempDir
    Path folder;

    /** Run with {@code -Dferry.regenerate=true} after changing a record. */
    @Test
    void followsTheRecords() throws IOException {
        if (Boolean.getBoolean("ferry.regenerate")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, SettingsSchema.text());
        }
        assertThat(Files.readString(FILE)).isEqualTo(SettingsSchema.text());
    }

    @Test
    void acceptsTheShippedFileWhichNamesIt() throws IOException {
        Path shipped = Path.of("config/ferry.yaml");
        String first = Files.readAllLines(shipped).getFirst();

        assertThat(violations(Files.readString(shipped))).isEmpty();
        assertThat(first).startsWith("# yaml-language-server: $schema=");
        assertThat(shipped.resolveSibling(first.substring(first.indexOf('=') + 1)).normalize()).isEqualTo(FILE);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "health: {timeout: 1h30m, retries: 0, every: 0}",
        "health: {timeout: '${T:30s}', retries: '${R:3}'}",
        "hub: {offline: '${HF_HUB_OFFLINE:false}'}",
        "models: {qwen2.5-coder: {source: {instance-id: 77}, formats: [Q4_K_M, IQ4_XS], temperature: 0}}",
        "models:",
        "models: {a: }",
        "quantize: {formats: 'Q4_K_M, Q8_0', cache-size: 20GiB, overrides: {'blk.0.*': Q8_0}}",
        "alerts: {on: []}",
        "pipeline: {continue-on-error: {health-check: true}, retries: {backoff: 1.5}}"})
    void acceptsWhatTheReaderAccepts(String yaml) throws IOException {
        assertThat(catchThrowable(() -> load(yaml))).isNull();
        assertThat(violations(yaml)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "helth: {}",
        "health: {timeout: 30}",
        "health: {timeout: 30 sec}",
        "health: {retries: -1}",
        "health: {retries: many}",
        "health: [a]",
        "models: {.hidden: {}}",
        "models: {a/b: {}}",
        "models: {a: {formats: [Q4_K_X]}}",
        "models: {a: {temperature: 3}}",
        "source: {bandwidth-limit: 20}",
        "vast: {api-url: console.vast.ai}",
        "pipeline: {stages: [download, upload]}",
        "inbox: {enabled: maybe}",
        "deploy: {link: [hard]}"})
    void refusesWhatTheReaderRefuses(String yaml) throws IOException {
        assertThat(catchThrowable(() -> load(yaml))).isInstanceOf(dev.adapterferry.failure.SettingsException.class);
        assertThat(violations(yaml)).isNotEmpty();
    }

    private void load(String yaml) throws IOException {
        new SettingsLoader(folder, Map.of()).load(Optional.of(Files.writeString(folder.resolve("ferry.yaml"), yaml)), Map.of());
    }

    private static Set<ValidationMessage> violations(String yaml) throws IOException {
        JsonSchema schema = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(Files.readString(FILE));
        JsonNode document = new YAMLMapper().readTree(yaml);
        return schema.validate(document);
    }
}
