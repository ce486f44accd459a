package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Route;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds the served description of the API against what the server really has, both ways. */
class OpenApiIT {
    private static final Pattern PARAMETER = Pattern.compile("\\{([a-z]+)}");

    @TempDir
    static Path folder;

    private static StubbedDaemon daemon;

    @BeforeAll
    static void start() throws IOException {
        daemon = new StubbedDaemon(folder, "  majora: {formats: [Q8_0]}", "http: {port: 0}", Map.of());
    }

    @AfterAll
    static void stop() {
        daemon.close();
    }

    @Test
    void describesEveryPathThatIsServedAndNoOther() throws Exception {
        JsonNode description = daemon.api().get("/api/openapi.json", 200);
        Set<String> described = new TreeSet<>();
        description.path("paths").properties().forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> described.add(method.toUpperCase() + " " + path.getKey())));

        String router = VertxPlatformHttpRouter.getRouterNameFromPort(daemon.application().address().orElseThrow().getPort());
        Set<String> served = new TreeSet<>();
        for (Route route : VertxPlatformHttpRouter.lookup(daemon.application().routes().live().context(), router).getRoutes()) {
            // The guard stands before all paths, the description describes all but itself, and what watches the process is no part of the API.
            if (route.getPath() != null && route.getPath().startsWith("/api/") && !route.getPath().startsWith("/api/openapi")) {
                assertThat(route.methods()).as(route.getPath()).isNotEmpty();
                for (HttpMethod method : route.methods()) {
                    served.add(method + " " + route.getPath().replaceAll(":([a-z]+)", "{$1}"));
                }
            }
        }
        assertThat(described).isEqualTo(served).hasSizeGreaterThan(10);
    }

    @Test
    void everyOperationSaysWhatItDoesWhatItTakesAndHowItRefuses() throws Exception {
        JsonNode description = daemon.api().get("/api/openapi.json", 200);
        assertThat(description.path("openapi").asText()).startsWith("3.");
        assertThat(description.path("servers").path(0).path("url").asText()).as("programs call it there").isEqualTo(daemon.application().address().orElseThrow().toString());
        JsonNode scheme = description.path("components").path("securitySchemes").path("token");
        assertThat(scheme.path("type").asText() + " " + scheme.path("scheme").asText()).isEqualTo("http bearer");
        description.path("paths").properties().forEach(path -> path.getValue().properties().forEach(operation -> {
            String name = operation.getKey() + " " + path.getKey();
            JsonNode says = operation.getValue();
            assertThat(says.path("description").asText() + says.path("summary").asText()).as(name).isNotBlank();
            assertThat(says.path("responses").properties()).as(name).isNotEmpty().allSatisfy(response -> assertThat(response.getValue().path("description").asText()).isNotBlank());
            Set<String> parameters = new TreeSet<>();
            says.path("parameters").forEach(parameter -> {
                if (parameter.path("in").asText().equals("path")) {
                    parameters.add(parameter.path("name").asText());
                }
            });
            Set<String> inPath = new TreeSet<>();
            Matcher found = PARAMETER.matcher(path.getKey());
            while (found.find()) {
                inPath.add(found.group(1));
            }
            assertThat(parameters).as(name).isEqualTo(inPath);
            if (!inPath.isEmpty()) {
                assertThat(says.path("responses").has("404")).as(name).isTrue();
            }
        }));
        // Every operation that is described exists: it answers, and never with the server's own "there is nothing".
        for (String path : description.path("paths").properties().stream().map(Map.Entry::getKey).toList()) {
            String real = path.replace("{run}", "nobody").replace("{model}", "majora");
            for (String method : description.path("paths").path(path).properties().stream().map(Map.Entry::getKey).toList()) {
                var request = daemon.api().to(real).header("Content-Type", "application/json").method(method.toUpperCase(), java.net.http.HttpRequest.BodyPublishers.noBody());
                assertThat(daemon.api().send(request).body()).as(method + " " + path).doesNotContain("There is nothing at");
            }
        }
    }
}
