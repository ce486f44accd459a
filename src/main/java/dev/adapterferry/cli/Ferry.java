package dev.adapterferry.cli;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.ToolVersion;
import dev.adapterferry.secret.Redaction;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Entry point of the {@code ferry} command: finds the sub-command, turns a failure into one sentence and an exit code. */
@Command(name = "ferry", description = "Carries LoRA adapters from rented GPUs home to LM Studio.", mixinStandardHelpOptions = true,
        versionProvider = Ferry.Version.class, sortOptions = false, synopsisSubcommandLabel = "COMMAND",
        subcommands = {DeployCommand.class, RunCommand.class,
                StatusCommand.class, RunsCommand.class, LogsCommand.class, ModelsCommand.class, ReleasesCommand.class,
                RetryCommand.class, CancelCommand.class, RollbackCommand.class, DoctorCommand.class,
                HealthCommand.class, EvaluateCommand.class, CompareCommand.class,
                RoutesCommand.class, ValidateCommand.class,
                PullCommand.class, MergeCommand.class, QuantizeCommand.class, ServeCommand.class,
                CompletionCommand.class,
                DemoCommand.class, BenchCommand.class},
        footer = {"", "Exit codes: 0 done, 2 usage, 3 settings, 4 a stage failed, 5 partly failed, 6 unhealthy, 7 degraded, 130 interrupted."})
public final class Ferry implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "Say what to do.");
    }

    /** Runs one command and exits with its code. */
    public static void main(String[] args) {
        // Native threads of llama.cpp and PyTorch keep the JVM alive; the command's end is the program's end.
        System.exit(commandLine().execute(args));
    }

    /** The command line with its handlers, ready to execute; tests run it inside their JVM. */
    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Ferry());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler(Ferry::explain);
        line.setUsageHelpAutoWidth(true);
        line.setUsageHelpLongOptionsMaxWidth(34);
        line.getHelpSectionMap().put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST, new CommandMap());
        line.getHelpSectionMap().remove(CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING);
        return line;
    }

    private static int explain(Exception failure, CommandLine line, ParseResult parsed) {
        boolean verbose = verbose(parsed);
        PrintWriter err = line.getErr();
        String sentence = failure instanceof FerryException && failure.getMessage() != null ? failure.getMessage()
                : "An unexpected error: " + failure + (verbose ? "" : " (--verbose shows where)");
        err.println(Redaction.redact("ferry: " + sentence));
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            err.println(Redaction.redact(trace.toString()));
        }
        err.flush();
        return ExitCode.of(failure);
    }

    private static boolean verbose(ParseResult parsed) {
        ParseResult last = parsed;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        return Arrays.asList("-v", "--verbose").stream().anyMatch(last::hasMatchedOption);
    }

    /** The version that the build wrote into the manifest. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"ferry " + ToolVersion.text(), "Java " + Runtime.version()};
        }
    }
}
