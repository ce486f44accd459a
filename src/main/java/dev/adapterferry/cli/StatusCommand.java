package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.settings.Settings;
import java.nio.file.Files;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What was carried, what is being carried, what is deployed. */
@Command(name = "status", mixinStandardHelpOptions = true, sortOptions = false, description = "Shows the newest runs with their stages, and the active releases.")
final class StatusCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

    @Mixin
    private CommonOptions common;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Option(names = {"-n", "--limit"}, paramLabel = "N", defaultValue = "10", description = "So many runs (default: ${DEFAULT-VALUE}).")
    private int limit;

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        if (settings.ledger().url().startsWith("jdbc:sqlite:") && !Files.exists(settings.home())) {
            console.println(json ? "{\"runs\":[],\"releases\":[]}" : "Nothing was carried yet (there is no " + settings.home() + ").");
            return ExitCode.DONE;
        }
        try (Ledger ledger = Ledgers.open(settings)) {
            List<Run> runs = ledger.runs().newest(limit);
            List<ReleaseEntry> releases = ledger.releases().active();
            if (json) {
                console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(tree(ledger, runs, releases)));
            } else {
                print(console, ledger, runs, releases);
            }
        }
        return ExitCode.DONE;
    }

    private static void print(Console console, Ledger ledger, List<Run> runs, List<ReleaseEntry> releases) {
        Table table = new Table("run", "model", "state", "started", "time", "stages");
        for (Run run : runs) {
            String stages = ledger.stages().of(run.id()).stream().map(s -> s.name() + (s.state() == dev.adapterferry.ledger.StageState.DONE ? "" : " " + s.state().text()))
                    .collect(Collectors.joining(", "));
            table.row(run.id(), run.model(), run.state().text(), run.started().map(TIME::format).orElse("-"),
                    run.started().isPresent() ? Console.duration(run.duration(Instant.now()).toSeconds()) : "-", stages);
        }
        console.println(table.isEmpty() ? "No runs yet." : table.toString());
        runs.stream().filter(r -> r.error().isPresent() && r.state() == dev.adapterferry.ledger.RunState.FAILED).limit(1)
                .forEach(r -> console.println("\nlast failure, " + r.id() + ": " + r.error().get()));
        if (!releases.isEmpty()) {
            Table active = new Table("model", "release", "formats", "size", "since");
            releases.forEach(r -> active.row(r.model(), r.number(), r.files().stream().map(ReleaseEntry.File::format).collect(Collectors.joining(",")), Console.bytes(r.bytes()),
                    TIME.format(r.created())));
            console.println("\n" + active);
        }
    }

    private static ObjectNode tree(Ledger ledger, List<Run> runs, List<ReleaseEntry> releases) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        ArrayNode list = root.putArray("runs");
        for (Run run : runs) {
            ObjectNode node = list.addObject().put("id", run.id()).put("model", run.model()).put("state", run.state().text()).put("trigger", run.trigger())
                    .put("created", run.created().toString()).put("started", run.started().map(Instant::toString).orElse(null)).put("ended", run.ended().map(Instant::toString).orElse(null))
                    .put("error", run.error().orElse(null));
            ArrayNode stages = node.putArray("stages");
            for (StageEntry stage : ledger.stages().of(run.id())) {
                stages.addObject().put("stage", stage.name()).put("state", stage.state().text()).put("attempt", stage.attempt())
                        .put("millis", stage.duration(Instant.now()).toMillis()).put("error", stage.error().orElse(null));
            }
        }
        ArrayNode active = root.putArray("releases");
        for (ReleaseEntry release : releases) {
            ObjectNode node = active.addObject().put("model", release.model()).put("number", release.number()).put("created", release.created().toString());
            release.files().forEach(f -> node.withArray("files").addObject().put("format", f.format()).put("path", f.path()).put("bytes", f.bytes()).put("sha256", f.sha256()));
        }
        return root;
    }
}
