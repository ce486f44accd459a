package dev.adapterferry.cli;

import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck.Part;
import dev.adapterferry.probe.HealthJson;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.ModelHealth;
import dev.adapterferry.stage.ModelServers;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Whether what is deployed holds and answers. */
@Command(name = "health", mixinStandardHelpOptions = true, sortOptions = false,
        description = {"Checks deployed models: their files (digest, whole GGUF structure), the server, the answers to the test prompts, the machine. "
                + "Where no server answers, the ferry serves the model itself as long as it is checked (setting serve.enabled)."},
        footer = {"", "Exit codes: 0 every model is healthy; 7 a model is degraded: it answers, but something is below its limit; 6 a model is unhealthy, or nothing is deployed. "
                + "The JSON is described by src/docs/health.schema.json."})
final class HealthCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", arity = "0..*", description = "Models to check; without one, all that are deployed.")
    private List<String> models = new ArrayList<>();

    @Option(names = "--model", paramLabel = "MODEL", description = "The same as naming it.")
    private List<String> named = new ArrayList<>();

    @Option(names = "--all", description = "All that are deployed.")
    private boolean all;

    @ArgGroup(exclusive = true)
    private Scope scope = new Scope();

    @Option(names = "--detailed", description = "Everything that was seen, not only what is wrong.")
    private boolean detailed;

    @Option(names = "--json", description = "As JSON, everything that was seen.")
    private boolean json;

    /** What is left out. */
    static final class Scope {
        @Option(names = "--files-only", description = "Only the files.")
        private boolean files;

        @Option(names = "--api-only", description = "Only the server: is it there, does it list the model.")
        private boolean api;

        @Option(names = "--no-test", description = "No test prompts.")
        private boolean noTest;

        Set<Part> parts() {
            return files ? EnumSet.of(Part.FILE) : api ? EnumSet.of(Part.API) : EnumSet.copyOf(noTest ? List.of(Part.FILE, Part.API, Part.SYSTEM) : List.of(Part.FILE, Part.API, Part.ANSWER, Part.SYSTEM));
        }
    }

    @Override
    public Integer call() {
        Console console = common.console();
        Settings settings = common.settings(console);
        List<String> chosen = new ArrayList<>(models);
        chosen.addAll(named);
        if (all && !chosen.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "Name models, or say --all, not both.");
        }
        chosen.forEach(settings::model);
        List<Health> results = new ArrayList<>();
        try (Ledger ledger = Ledgers.open(settings)) {
            ActiveReleases releases = new ActiveReleases(settings, ledger);
            for (String model : chosen.isEmpty() ? releases.models() : chosen.stream().distinct().toList()) {
                console.note("ferry: checking " + model);
                results.add(check(settings, model, releases.find(model)));
            }
        }
        if (json) {
            console.println(HealthJson.of(results));
        } else {
            new HealthPrinter(console).print(results, detailed);
        }
        return HealthJson.worst(results).exitCode();
    }

    private Health check(Settings settings, String model, Optional<Facts.Deployed> release) {
        HttpCaller caller = new JdkHttpCaller();
        ModelServers servers = new EmbeddedServers(caller);
        ModelHealth checks = new ModelHealth(caller, servers, Digests.fresh());
        if (release.isEmpty()) {
            return checks.missing(settings, model);
        }
        try {
            return checks.check(model, settings, model, release.get(), scope.parts());
        } finally {
            servers.release(model);
        }
    }
}
