package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.Baselines;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.ModelServers;
import dev.adapterferry.stage.ReleaseEvaluation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How good what is deployed is. */
@Command(name = "evaluate", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Scores deployed models on their prompt sets (config/evaluation), against the release before and the base, and applies the gate of the settings. Takes nothing back.",
        footer = {"", "Exit codes: 0 every model passed the gate; 6 one did not; 4 one could not be evaluated. src/docs/evaluation.md tells how prompt sets are written."})
final class EvaluateCommand implements Callable<Integer> {
    private static final String NONE = "none";
    private static final String BASE = "base";

    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", arity = "1..*", description = "Models to score.")
    private List<String> models = new ArrayList<>();

    @Option(names = "--baseline", paramLabel = "RELEASE|base|none", split = ",", hideParamSyntax = true,
            description = "What to hold it against: the number of a kept release, 'base', both (2,base), or 'none'. Without it the release before, and the base where evaluate.base is set.")
    private List<String> baseline = new ArrayList<>();

    @Option(names = "--formats", paramLabel = "F,F|all", split = ",", hideParamSyntax = true, description = "Formats of the release to score on the ferry's own server, the judged one first. Without it the one in use.")
    private List<String> formats = new ArrayList<>();

    @Option(names = "--report", paramLabel = "DIR", description = "Folder for the reports, with one folder per model (default: evaluations/ in the working directory).")
    private Path report;

    @Option(names = "--json", description = "The whole report as JSON.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        models.forEach(settings::model);
        baseline.forEach(this::requireBaseline);
        ArrayNode documents = new ObjectMapper().createArrayNode();
        boolean passed = true;
        try (Ledger ledger = Ledgers.open(settings)) {
            for (String model : models.stream().distinct().toList()) {
                EvaluationReport result = evaluate(console, settings, ledger, model);
                EvaluationPrinter printer = new EvaluationPrinter(console);
                Path folder = printer.write(settings, Optional.ofNullable(report), result);
                if (json) {
                    JsonNode document = new ObjectMapper().readTree(result.json());
                    documents.add(document);
                } else {
                    printer.print(result, folder);
                }
                passed &= result.passed();
            }
        }
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(documents));
        }
        return passed ? ExitCode.DONE : ExitCode.UNHEALTHY;
    }

    private EvaluationReport evaluate(Console console, Settings settings, Ledger ledger, String model) {
        Facts.Deployed release = new ActiveReleases(settings, ledger).get(model);
        HttpCaller caller = new JdkHttpCaller();
        ModelServers servers = new EmbeddedServers(caller);
        try {
            EvaluationReport result = new ReleaseEvaluation(settings, caller, servers, console, new Cancellation()).evaluate(model, model, release, formats(release), baselines(settings, ledger, model, release));
            if (formats.isEmpty()) {
                ActiveReleases.scored(ledger, model, release.release(), result);
            }
            return result;
        } finally {
            servers.release(model);
        }
    }

    private List<String> formats(Facts.Deployed release) {
        List<String> all = release.files().stream().map(Facts.Gguf::format).toList();
        return formats.isEmpty() ? List.of(release.primary()) : formats.equals(List.of("all")) ? all : formats;
    }

    private Baselines baselines(Settings settings, Ledger ledger, String model, Facts.Deployed release) {
        OptionalInt before = new ReleaseStore(settings.deploy().releases()).previous(model);
        Optional<Integer> number = baseline.stream().filter(word -> word.matches("\\d+")).findFirst().map(Integer::valueOf);
        boolean base = baseline.contains(BASE) || baseline.isEmpty() && settings.evaluate().base();
        Optional<Path> folder = base ? Baselines.baseOf(settings, ledger, model, release.release()) : Optional.empty();
        if (baseline.contains(BASE) && folder.isEmpty()) {
            throw new FerryException("Cannot hold " + model + " against its base: the run that made release " + release.release() + " is forgotten, and with it where the base lies.");
        }
        return new Baselines(ledger, baseline.isEmpty() && before.isPresent() ? Optional.of(before.getAsInt()) : number, folder);
    }

    private void requireBaseline(String word) {
        if (!word.matches("\\d{1,9}") && !word.equals(BASE) && !word.equals(NONE) || word.equals(NONE) && baseline.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--baseline takes the number of a release, 'base', both with a comma, or 'none'; found '" + String.join(",", baseline) + "'.");
        }
    }
}
