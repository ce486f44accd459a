package dev.adapterferry.cli;

import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.settings.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Sends failed runs again. */
@Command(name = "retry", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Carries runs again that failed or were cancelled, with the same request. What is done already is not done again.")
final class RetryCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "RUN", arity = "0..*", description = "Runs by their id, or by an end of it that is unmistakable.")
    private List<String> runs = new ArrayList<>();

    @Option(names = "--all-failed", description = "Every run that failed for good and was not sent again yet.")
    private boolean allFailed;

    @Option(names = "--json", description = "The reports of the new runs as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        if (runs.isEmpty() != allFailed) {
            throw new ParameterException(spec.commandLine(), "Name runs ('ferry runs --state failed' lists them), or say --all-failed.");
        }
        Console console = common.console();
        Settings settings = common.settings(console);
        return new Carrying(console, settings, json).all(application -> chosen(application, console), FerryApplication::retry);
    }

    private List<String> chosen(FerryApplication application, Console console) {
        List<String> chosen = allFailed ? application.failed() : runs.stream().distinct().toList();
        if (chosen.isEmpty()) {
            console.note("No failed run waits to be sent again.");
        }
        return chosen;
    }
}
