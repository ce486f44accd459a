package dev.adapterferry.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.camel.DaemonAddress;
import dev.adapterferry.camel.RouteCheck;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.settings.HttpSettings;
import dev.adapterferry.settings.Settings;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists the routes: those of the running daemon, else those of the files. */
@Command(name = "routes", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lists the routes with their state and what has gone through them, as the running daemon has them; without a daemon as the files have them.")
final class RoutesCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    @Mixin
    private CommonOptions common;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Override
    public Integer call() throws JsonProcessingException {
        Console console = common.console();
        Settings settings = common.settings(console);
        Optional<URI> address = DaemonAddress.find(settings);
        Optional<JsonNode> live = address.isPresent() ? live(address.get(), settings.http()) : Optional.empty();
        JsonNode routes = live.isPresent() ? live.get() : files(settings);
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(routes));
            return ExitCode.DONE;
        }
        Table table = live.isPresent() ? new Table("route", "state", "done", "failed", "in it", "file", "what it does") : new Table("route", "state", "file", "what it does");
        for (JsonNode route : routes) {
            String file = route.path("file").asText();
            if (live.isPresent()) {
                table.row(route.path("id").asText(), route.path("state").asText(), route.path("done").asLong(), route.path("failed").asLong(), route.path("inflight").asInt(), file,
                        route.path("description").asText());
            } else {
                table.row(route.path("id").asText(), route.path("state").asText(), file, route.path("description").asText());
            }
        }
        console.println(table.toString());
        if (live.isEmpty()) {
            console.note("No daemon answers" + address.map(at -> " at " + at).orElse(settings.http().enabled() ? "" : " (http.enabled is false)") + "; these are the files' routes.");
        }
        return ExitCode.DONE;
    }

    private static Optional<JsonNode> live(URI address, HttpSettings http) throws JsonProcessingException {
        Map<String, String> headers = http.token().map(token -> Map.of("Authorization", "Bearer " + token.reveal())).orElse(Map.of());
        HttpReply reply;
        try {
            reply = new JdkHttpCaller().call(HttpCall.get(address.resolve("/api/routes"), headers, PATIENCE));
        } catch (FerryException e) {
            return Optional.empty();
        }
        if (reply.status() != 200) {
            throw new FerryException("Cannot list the routes of the daemon at " + address + ": it answered " + reply.status() + ". Is http.token the daemon's?");
        }
        return Optional.of(new ObjectMapper().readTree(reply.text()));
    }

    private static ArrayNode files(Settings settings) {
        ArrayNode list = new ObjectMapper().createArrayNode();
        RouteCheck.list(settings.routes().path()).forEach(route -> list.addObject().put("id", route.id()).put("state", "not running").put("file", route.file().getFileName().toString())
                .put("line", route.line()).put("description", route.description()));
        return list;
    }
}
