package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Stops runs, whichever process carries them. */
@Command(name = "cancel", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Stops runs, waiting ones and those that the daemon or another command carries. What is done is kept; 'ferry retry' goes on from there.")
final class CancelCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "RUN", arity = "0..*", description = "Runs by their id, or by an end of it that is unmistakable.")
    private List<String> runs = new ArrayList<>();

    @Option(names = "--all", description = "Every run that waits or is under way.")
    private boolean all;

    @Option(names = "--json", description = "As JSON: each run with its state, which is none of an end where the process that carries it has not answered yet.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        if (runs.isEmpty() != all) {
            throw new ParameterException(spec.commandLine(), "Name runs ('ferry runs' lists them), or say --all.");
        }
        Console console = common.console();
        Settings settings = common.settings(console);
        try (Ledger ledger = Ledgers.open(settings)) {
            List<Run> chosen = all ? Stream.of(RunState.RUNNING, RunState.QUEUED).flatMap(state -> ledger.runs().in(state).stream()).toList()
                    : runs.stream().map(ledger.runs()::get).toList();
            if (json) {
                printJson(ledger, chosen, console);
            } else {
                print(ledger, chosen, console);
            }
        }
        return ExitCode.DONE;
    }

    private static void print(Ledger ledger, List<Run> chosen, Console console) throws InterruptedException {
        if (chosen.isEmpty()) {
            console.println("No run waits or is under way.");
        }
        for (Run run : chosen) {
            Run now = cancel(ledger, run);
            console.println(now.state().isEnd() ? "run " + now.id() + ": " + now.state().text() : "run " + now.id() + " is asked to stop; the process that carries it has not answered yet");
        }
    }

    /** Also where one of them cannot be cancelled: those before it are. */
    private static void printJson(Ledger ledger, List<Run> chosen, Console console) throws InterruptedException {
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        try {
            for (Run run : chosen) {
                Run now = cancel(ledger, run);
                all.addObject().put("run", now.id()).put("model", now.model()).put("state", now.state().text());
            }
        } finally {
            console.println(all.toPrettyString());
        }
    }

    /** Cancels one, and waits some seconds for its end: as it stands then. */
    private static Run cancel(Ledger ledger, Run run) throws InterruptedException {
        if (!ledger.runs().cancel(run.id())) {
            throw new FerryException("Cannot cancel run " + run.id() + ": it has ended already (" + ledger.runs().get(run.id()).state().text() + ").");
        }
        // What a dead process left running has nobody who would hear of it.
        ledger.runs().recover();
        Run now = ledger.runs().get(run.id());
        for (long end = System.nanoTime() + PATIENCE.toNanos(); !now.state().isEnd() && System.nanoTime() < end; now = ledger.runs().get(run.id())) {
            Thread.sleep(100);
        }
        return now;
    }
}
