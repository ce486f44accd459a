package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.RunReport;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Lists runs, or shows one of them whole. */
@Command(name = "runs", mixinStandardHelpOptions = true, sortOptions = false, description = "Lists the runs, newest first; with a run's id, its whole report: stages, times, sizes, hashes, scores, warnings.")
final class RunsCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());
    private static final int LOOKED_AT = 100_000;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "RUN", arity = "0..1", description = "One run, by its id or an end of it that is unmistakable.")
    private String id;

    @Option(names = "--model", paramLabel = "MODEL", description = "Only runs of this model.")
    private String model;

    @Option(names = "--state", paramLabel = "STATE", split = ",", converter = State.class, completionCandidates = State.class, description = "Only runs in these states: ${COMPLETION-CANDIDATES}.")
    private List<RunState> states = List.of();

    @Option(names = {"-n", "--limit"}, paramLabel = "N", defaultValue = "20", description = "So many runs (default: ${DEFAULT-VALUE}).")
    private int limit;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        try (Ledger ledger = Ledgers.open(settings)) {
            if (id != null) {
                Run run = ledger.runs().get(id);
                console.println(json ? RunReport.json(ledger, run).toPrettyString() : RunReport.markdown(ledger, run).stripTrailing());
            } else {
                list(console, chosen(ledger));
            }
        }
        return ExitCode.DONE;
    }

    private List<Run> chosen(Ledger ledger) {
        Set<RunState> wanted = states.isEmpty() ? EnumSet.allOf(RunState.class) : EnumSet.copyOf(states);
        int most = states.isEmpty() ? limit : LOOKED_AT;
        List<Run> runs = model == null ? ledger.runs().newest(most) : ledger.runs().of(model, most);
        return runs.stream().filter(run -> wanted.contains(run.state())).limit(limit).toList();
    }

    private void list(Console console, List<Run> runs) throws Exception {
        if (json) {
            ArrayNode list = new ObjectMapper().createArrayNode();
            runs.forEach(run -> list.add(RunReport.row(run)));
            console.println(list.toPrettyString());
            return;
        }
        Table table = new Table("run", "model", "state", "by", "asked for", "time", "error");
        runs.forEach(run -> table.row(run.id(), run.model(), run.state().text(), run.trigger(), TIME.format(run.created()),
                run.started().isPresent() ? Console.duration(run.duration(Instant.now()).toSeconds()) : "-", run.error().map(RunsCommand::shortened).orElse("")));
        console.println(table.isEmpty() ? "No runs." : table.toString());
    }

    private static String shortened(String error) {
        String line = error.replaceAll("\\s+", " ");
        return line.length() <= 80 ? line : line.substring(0, 79) + "…";
    }

    /** A state by its name in tables. */
    static final class State implements ITypeConverter<RunState>, Iterable<String> {
        @Override
        public RunState convert(String text) {
            return Arrays.stream(RunState.values()).filter(state -> state.text().equals(text.toLowerCase(Locale.ROOT))).findFirst().orElseThrow(() -> new TypeConversionException(
                    "there is no state '" + text + "'; known are " + Arrays.stream(RunState.values()).map(RunState::text).collect(Collectors.joining(", "))));
        }

        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(RunState.values()).map(RunState::text).iterator();
        }
    }
}
