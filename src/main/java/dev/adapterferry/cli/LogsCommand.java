package dev.adapterferry.cli;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.log.RunLines;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.RunRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints what a run wrote down. */
@Command(name = "logs", mixinStandardHelpOptions = true, sortOptions = false, description = "Prints the log of a run, or of one of its stages.")
final class LogsCommand implements Callable<Integer> {
    private static final int CHUNK = 1 << 16;
    private static final long LOOK_MILLIS = 200;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "RUN|MODEL", arity = "0..1", description = "A run by its id or an end of it, or a model for its newest run. Without it the newest run of all.")
    private String which;

    @Option(names = "--stage", paramLabel = "STAGE", completionCandidates = StageNames.class, description = "Only this stage: ${COMPLETION-CANDIDATES}.")
    private String stage;

    @Option(names = "--json", description = "As the daily log has it: one JSON object a line, with time, level, logger, thread, message, run, stage, model.")
    private boolean json;

    @Option(names = {"-f", "--follow"}, description = "Go on printing until the run has ended.")
    private boolean follow;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Console console = common.console();
        Settings settings = common.settings(console);
        String name = stage == null ? "run" : RunRequest.stage(stage).text();
        try (Ledger ledger = Ledgers.open(settings)) {
            Run run = run(ledger, settings);
            if (json) {
                printJson(ledger, run, new RunLines(settings.log().path(), run.created(), run.id(), stage == null ? null : name), settings.log().path(), console);
                return ExitCode.DONE;
            }
            Path file = run.folder().resolve(name + ".log");
            if (!follow && !Files.exists(file)) {
                throw new FerryException("Run " + run.id() + " has written no " + name + ".log" + (Files.isDirectory(run.folder()) ? " in " + run.folder() : "; its folder " + run.folder() + " is gone")
                        + ". Its state is " + run.state().text() + ".");
            }
            print(ledger, run, file, console);
        }
        return ExitCode.DONE;
    }

    private Run run(Ledger ledger, Settings settings) {
        List<Run> newest = which == null ? ledger.runs().newest(1) : ledger.runs().of(which, 1);
        if (newest.isEmpty() && which != null && !settings.models().containsKey(which)) {
            return ledger.runs().get(which);
        }
        if (newest.isEmpty()) {
            throw new FerryException(which == null ? "There is no run yet." : "There is no run of " + which + " yet.");
        }
        return newest.getFirst();
    }

    private void printJson(Ledger ledger, Run run, RunLines lines, Path logs, Console console) throws InterruptedException {
        boolean any = false;
        while (true) {
            boolean last = isLast(ledger, run);
            for (String line : lines.next()) {
                console.println(line);
                any = true;
            }
            if (last && !any && !follow) {
                throw new FerryException("There is no line of run " + run.id() + " in " + logs + "; daily logs are kept as long as retention.logs says. 'ferry logs RUN' without --json shows the run's own.");
            }
            if (last) {
                return;
            }
            Thread.sleep(LOOK_MILLIS);
        }
    }

    /** Asked before the lines are read: what was written before the run's end is then still seen. */
    private boolean isLast(Ledger ledger, Run run) {
        return !follow || ledger.runs().find(run.id()).map(now -> now.state().isEnd()).orElse(true);
    }

    private void print(Ledger ledger, Run run, Path file, Console console) throws IOException, InterruptedException {
        long offset = 0;
        while (true) {
            boolean last = isLast(ledger, run);
            if (Files.exists(file)) {
                offset = copy(file, offset, console);
            }
            if (last) {
                return;
            }
            Thread.sleep(LOOK_MILLIS);
        }
    }

    private static long copy(Path file, long from, Console console) throws IOException {
        try (SeekableByteChannel in = Files.newByteChannel(file)) {
            in.position(from);
            ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
            while (in.read(buffer) >= 0) {
                console.write(buffer.array(), buffer.position());
                buffer.clear();
            }
            return in.position();
        }
    }
}
