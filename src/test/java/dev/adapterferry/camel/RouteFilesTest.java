package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Reads every file of routes/ as a reviewer would: valid by Camel's own schema, named, described, in canonical notation. */
class RouteFilesTest {
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    /** 800 kB of schema: read once. */
    private static final JsonSchema YAML_DSL = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V4)
            .getSchema(RouteFilesTest.class.getResourceAsStream("/schema/camelYamlDsl.json"));
    private static final Pattern KEBAB = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

    static List<Path> routeFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("routes"))) {
            return files.filter(f -> f.toString().endsWith(".camel.yaml")).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("routeFiles")
    void isValidByTheSchemaOfTheYamlDsl(Path file) throws IOException {
        assertThat(YAML_DSL.validate(YAML.readTree(file.toFile()))).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("routeFiles")
    void opensWithCommentsThatSayWhatItExpectsAndLeaves(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.stream().takeWhile(l -> l.startsWith("#")).count()).as("comment lines at the top").isBetween(2L, 12L);
    }

    @ParameterizedTest
    @MethodSource("routeFiles")
    void describesAndNamesEveryRoute(Path file) throws IOException {
        String mainId = file.getFileName().toString().replace(".camel.yaml", "");
        List<String> ids = new ArrayList<>();
        for (JsonNode item : YAML.readTree(file.toFile())) {
            assertThat(item.fieldNames()).toIterable().as("canonical top-level entries").isSubsetOf("route", "routeConfiguration", "rest", "restConfiguration");
            if (item.has("route")) {
                JsonNode route = item.get("route");
                assertThat(route.path("id").asText()).matches(KEBAB);
                assertThat(route.path("description").asText()).as("description of " + route.path("id")).isNotBlank();
                assertThat(route.path("from").path("steps").isArray()).as("steps inside from, canonical notation").isTrue();
                ids.add(route.get("id").asText());
            } else if (!item.has("restConfiguration")) {
                String id = item.elements().next().path("id").asText();
                assertThat(id).matches(KEBAB);
                ids.add(id);
            }
        }
        assertThat(ids).as("the file's name is the id of its main route").contains(mainId);
    }

    @ParameterizedTest
    @MethodSource("routeFiles")
    void holdsNoScriptAndNoLiteralHost(Path file) throws IOException {
        assertThat(Files.readString(file)).doesNotContain("groovy").doesNotContain("localhost").doesNotContain("127.0.0.1")
                .doesNotContainPattern("https?://(?!answerer\\?)");
    }

    @Test
    void idsAreUniqueOverAllFiles() throws IOException {
        Set<String> seen = new HashSet<>();
        for (Path file : routeFiles()) {
            for (JsonNode item : YAML.readTree(file.toFile())) {
                item.fields().forEachRemaining(entry -> {
                    if (entry.getValue().has("id")) {
                        assertThat(seen.add(entry.getValue().get("id").asText())).as("id " + entry.getValue().get("id") + " in " + file).isTrue();
                    }
                });
            }
        }
    }

    @Test
    void everyFileOfTheDesignIsThere() throws IOException {
        assertThat(routeFiles().stream().map(f -> f.getFileName().toString().replace(".camel.yaml", "")))
                .contains("pipeline", "download-adapter", "merge-adapter", "quantize-model", "deploy-model", "check-health", "evaluate-model",
                        "watch-folder", "scheduled-pull", "http-api", "probe-models", "alerts", "error-handling", "dead-letter", "housekeeping");
    }
}
