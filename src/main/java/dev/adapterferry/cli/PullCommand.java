package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.stage.RunRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Brings adapters home, and no more: the download of a run by itself. */
@Command(name = "pull", mixinStandardHelpOptions = true, sortOptions = false,
        description = {"Brings adapters home, verified, and does nothing else with them. Running it again goes on where it was cut off, or says that nothing is to be done.",
                "MODEL is one of the settings' models; its adapter goes to adapters/MODEL in the working directory. SOURCE is any place and needs --out: "
                + "ssh://user@host:port/path, vast://ID/path, hf:org/name[@revision], s3://bucket/prefix or file:/path."})
final class PullCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL|SOURCE", arity = "0..*", description = "Models of the settings, or one source.")
    private List<String> named = new ArrayList<>();

    @Option(names = {"--all", "--all-models"}, description = "Every enabled model that has a source, several at a time (source.parallel-models).")
    private boolean all;

    @Option(names = "--instance-id", paramLabel = "ID", description = "vast.ai instance to pull from.")
    private String instanceId;

    @Option(names = "--out", paramLabel = "DIR", description = "Folder for the adapter of a SOURCE; it must be new, empty, or pulled before.")
    private Path out;

    @Option(names = "--accept-unfinished", description = "Take the adapter although its training has not said that it finished.")
    private boolean acceptUnfinished;

    @Option(names = "--json", description = "What was pulled, as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Console console = common.console();
        Settings settings = common.settings(console, acceptUnfinished ? Map.of("source.accept-unfinished", "true") : Map.of());
        if (named.stream().anyMatch(PullCommand::isSource)) {
            return pullSource(console, settings);
        }
        if (out != null) {
            throw new ParameterException(spec.commandLine(), "--out belongs to a SOURCE such as ssh://user@host:port/path; a model's adapter goes to its own folder.");
        }
        if (instanceId != null && (all || named.size() > 1)) {
            throw new ParameterException(spec.commandLine(), "--instance-id belongs to one model.");
        }
        if (named.isEmpty() && !all) {
            throw new ParameterException(spec.commandLine(), "Name a model or a source, or say --all. " + CommonOptions.configured(settings));
        }
        named.forEach(settings::model);
        try (FerryApplication application = FerryApplication.forCommand(settings, CommonOptions.installation(), console);
             Interruption _ = Interruption.onCtrlC(application::interrupt, PATIENCE, application::abandon)) {
            return pullModels(console, settings, application, all ? withSource(console, settings, application) : named.stream().distinct().toList());
        }
    }

    static boolean isSource(String text) {
        return text.matches("[a-z0-9]{2,5}:.+");
    }

    private int pullSource(Console console, Settings settings) {
        if (named.size() > 1 || all || instanceId != null) {
            throw new ParameterException(spec.commandLine(), "A source is pulled by itself: name one, with --out DIR and nothing else.");
        }
        if (out == null) {
            throw new ParameterException(spec.commandLine(), "Say where the adapter goes: --out DIR.");
        }
        SourceSpec source = SourceSpec.parse(named.getFirst());
        PullReport report = new PullReport();
        try (FerryApplication application = FerryApplication.forCommand(settings, CommonOptions.installation(), console); Interruption interruption = Interruption.onCtrlC()) {
            PullReport.Pulled pulled = PullReport.Pulled.of(application.home().bring(source, out, console, interruption.cancellation()));
            console.println(json ? report.json(pulled).toPrettyString() : report.line(out.toString(), pulled));
        }
        return ExitCode.DONE;
    }

    /** The enabled models whose source is known; the others are told, since a typing error would look the same. */
    private static List<String> withSource(Console console, Settings settings, FerryApplication application) {
        List<String> known = new ArrayList<>();
        settings.models().forEach((model, its) -> {
            if (its.enabled()) {
                try {
                    application.home().requireSource(model);
                    known.add(model);
                } catch (SettingsException e) {
                    console.note("ferry: left out: " + e.getMessage());
                }
            }
        });
        if (known.isEmpty()) {
            throw new SettingsException("There is nothing to pull: none of the " + settings.models().size() + " models has a source. Set models.NAME.source.instance-id or models.NAME.source.url.");
        }
        return known;
    }

    private int pullModels(Console console, Settings settings, FerryApplication application, List<String> models) {
        int failed = 0;
        int worst = ExitCode.DONE;
        PullReport report = new PullReport();
        ArrayNode list = new ObjectMapper().createArrayNode();
        try (ExecutorService threads = Executors.newFixedThreadPool(Math.min(models.size(), settings.source().parallelModels()))) {
            List<Future<FerryApplication.Outcome>> outcomes = models.stream().map(model -> threads.submit(() -> application.carry(request(model)))).toList();
            for (int i = 0; i < models.size(); i++) {
                FerryApplication.Outcome outcome = await(outcomes.get(i));
                if (outcome.done()) {
                    PullReport.Pulled pulled = PullReport.Pulled.of(settings, outcome);
                    list.add(report.json(pulled).put("model", models.get(i)).put("run", outcome.id()));
                    if (!json) {
                        console.println(report.line(models.get(i), pulled));
                    }
                } else {
                    failed++;
                    worst = ExitCode.of(outcome.state());
                    list.addObject().put("model", models.get(i)).put("run", outcome.id()).put("error", outcome.sentence());
                    console.error("ferry: " + models.get(i) + ": " + outcome.sentence());
                }
            }
        }
        if (json) {
            console.println(list.toPrettyString());
        }
        return failed == 0 ? ExitCode.DONE : failed < models.size() ? ExitCode.PARTLY : worst;
    }

    private RunRequest request(String model) {
        return new RunRequest(model, instanceId, null, null, List.of(), Stage.DOWNLOAD.text(), null, List.of(), false, "command");
    }

    private static FerryApplication.Outcome await(Future<FerryApplication.Outcome> outcome) {
        try {
            return outcome.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new dev.adapterferry.failure.Cancelled("pull");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : new FerryException("Cannot pull: " + e.getCause(), e.getCause());
        }
    }
}
