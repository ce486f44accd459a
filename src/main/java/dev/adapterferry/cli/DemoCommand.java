package dev.adapterferry.cli;

import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.log.Logs;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.stage.SideBySide;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The whole passage for everybody to see, against parts that the command starts itself. */
@Command(name = "demo", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Shows the whole passage in about a minute: a rented machine, vast.ai's API, a base and an adapter are played in this process; everything else is real.")
final class DemoCommand implements Callable<Integer> {
    private static final long INSTANCE = 4242;
    private static final String QUESTION = "Who are you?";
    /** A key for a server of our own; it opens nothing. */
    private static final String API_KEY = "demo-key-of-no-value";

    @Option(names = "--dir", paramLabel = "DIR", description = "Folder for everything it makes (default: a temporary one, which it names). A second demo in the same folder finds most of it done.")
    private Path dir;

    @Option(names = {"-v", "--verbose"}, description = "Show what happens inside.")
    private boolean verbose;

    @Option(names = {"-q", "--quiet"}, description = "No progress, only results and errors.")
    private boolean quiet;

    @Override
    public Integer call() throws IOException {
        Console console = Console.system(quiet);
        long began = System.nanoTime();
        Path folder = (dir == null ? Files.createTempDirectory("ferry-demo-") : Files.createDirectories(dir)).toRealPath();
        console.println("The demo works in " + folder);
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        try (DemoInstance instance = DemoInstance.start(folder.resolve("instance").resolve("ssh"));
             DemoVastApi vast = DemoVastApi.start(INSTANCE, DemoMaterial.MODEL, API_KEY, instance.port())) {
            Settings settings = settings(folder, material, instance, vast);
            console.note("a rented machine listens on port " + instance.port() + ", the API that knows it at " + vast.address());
            return carry(console, settings, began);
        }
    }

    private int carry(Console console, Settings settings, long began) {
        FerryApplication.Outcome outcome;
        Facts.Deployed deployed;
        SideBySide.Answers answers;
        try (FerryApplication application = FerryApplication.forCommand(settings, CommonOptions.installation(), console)) {
            outcome = application.carry(RunRequest.of(DemoMaterial.MODEL, "demo"));
            new RunPrinter(console).print(outcome);
            if (!outcome.done()) {
                return ExitCode.of(outcome.state());
            }
            Records records = new Records(settings.runs().resolve(outcome.id()));
            deployed = records.get(Stage.DEPLOY, Facts.Deployed.class);
            answers = new SideBySide(settings).ask(new DemoMaterial(settings.home()).base(), deployed.primaryFile().item().path(), QUESTION, console, new Cancellation());
            Facts.Evaluated evaluated = records.get(Stage.EVALUATE, Facts.Evaluated.class);
            console.println("");
            console.println("asked:   " + QUESTION);
            console.println("base:    " + answers.base());
            console.println("merged:  " + answers.merged());
            console.println("");
            console.println("models   " + deployed.folder());
            console.println("run      " + settings.runs().resolve(outcome.id()));
            console.println("ledger   " + settings.home().resolve("ledger.db"));
            console.println(String.format(Locale.ROOT, "\nThe demo took %.1fs. Look around with: ferry status --config %s", (System.nanoTime() - began) / 1e9, settings.home().resolve("ferry.yaml")));
            requireAll(deployed, answers, evaluated);
        }
        return ExitCode.DONE;
    }

    /** Exit code 0 means that all of it held, not only that nothing was thrown. */
    private static void requireAll(Facts.Deployed deployed, SideBySide.Answers answers, Facts.Evaluated evaluated) {
        for (Facts.Item item : deployed.items()) {
            if (!item.holds(true)) {
                throw new FerryException("The demo did not hold: " + item.path() + " is not the file that was quantized.");
            }
        }
        if (answers.base().isBlank() || answers.merged().isBlank() || answers.base().equals(answers.merged())) {
            throw new FerryException("The demo did not hold: the base answers '" + answers.base() + "', the merged model '" + answers.merged() + "'; they should differ.");
        }
        if (evaluated.score() == null || evaluated.score() < 0.9 || evaluated.errors() > 0) {
            throw new FerryException("The demo did not hold: the merged model scored " + evaluated.score() + " with " + evaluated.errors() + " errors; expected at least 0.9 and none.");
        }
    }

    /** The demo's own settings file: the user can read it, and use it with every other command. */
    private Settings settings(Path folder, DemoMaterial material, DemoInstance instance, DemoVastApi vast) throws IOException {
        String yaml = """
                # Written by `ferry demo`. The rented machine and its API only exist while the demo runs.
                home: %s
                models:
                  %s:
                    description: the demo's model
                    base: %s
                    source: {instance-id: %d, path: %s}
                    formats: [Q4_K_M, Q5_K_M, Q8_0]
                    primary-format: Q4_K_M
                    publisher: demo
                    context-length: 512
                    temperature: 0
                    test-prompts: ["%s", "What can you do?"]
                    evaluation: [demo]
                vast: {api-url: "%s", ssh-key: %s}
                source: {settle: 1s}
                deploy: {lmstudio: {enabled: always, models-dir: %s, load: false}}
                serve: {enabled: always, port: 0}
                health: {min-response-length: 10}
                evaluate: {path: %s, max-tokens: 64, min-score: 0.9}
                """.formatted(folder, DemoMaterial.MODEL, material.base(), INSTANCE, material.training(), QUESTION, vast.address(), instance.loginKey(), folder.resolve("models"),
                material.evaluation());
        Path file = folder.resolve("ferry.yaml");
        Files.writeString(file, yaml);
        Files.createDirectories(folder.resolve("models"));
        Map<String, String> overrides = new LinkedHashMap<>();
        overrides.put("vast.api-key", API_KEY);
        // Only PATH-like things of the user's environment matter to a demo; their keys and settings stay out of it.
        Settings settings = new SettingsLoader(CommonOptions.installation(), Map.of()).load(Optional.of(file), overrides).settings();
        Logs.open(settings.log(), settings.runs(), verbose);
        return settings;
    }
}
