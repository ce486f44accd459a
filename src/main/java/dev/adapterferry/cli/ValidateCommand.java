package dev.adapterferry.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.camel.BrokenRoutes;
import dev.adapterferry.camel.RouteCheck;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks settings and routes without starting anything. */
@Command(name = "validate", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Checks the settings and the route files as the daemon would take them, and starts nothing. Exit code 3 when something is wrong.")
final class ValidateCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--routes", paramLabel = "DIR", description = "Folder of route files instead of the settings' one.")
    private Path routes;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Override
    public Integer call() throws JsonProcessingException {
        Console console = common.console();
        Settings settings = common.settings(console, routes == null ? Map.of() : Map.of("routes.path", routes.toAbsolutePath().toString()));
        List<BrokenRoutes> problems = RouteCheck.problems(settings, CommonOptions.installation());
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(tree(settings, problems)));
        } else if (problems.isEmpty()) {
            console.println("The settings are well: " + settings.models().size() + " models.");
            console.println("The routes are well: " + RouteCheck.list(settings.routes().path()).size() + " routes in " + settings.routes().path() + ".");
        } else {
            problems.forEach(problem -> console.error(problem.getMessage()));
        }
        return problems.isEmpty() ? ExitCode.DONE : ExitCode.SETTINGS;
    }

    private static ObjectNode tree(Settings settings, List<BrokenRoutes> problems) {
        ObjectNode root = new ObjectMapper().createObjectNode().put("valid", problems.isEmpty()).put("models", settings.models().size()).put("routes", settings.routes().path().toString());
        root.putArray("problems");
        problems.forEach(problem -> root.withArray("problems").addObject().put("file", problem.file().toString()).put("line", problem.line()).put("reason", problem.reason()));
        return root;
    }
}
