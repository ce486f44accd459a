package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.deploy.DiskUse;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ReleaseList;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What was deployed of a model, and what can be restored. */
@Command(name = "releases", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lists the releases of models: state, files, score, what they were made of, and whether 'ferry rollback' can restore them.")
final class ReleasesCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm").withZone(ZoneId.systemDefault());
    private static final int SHORT_HASH = 12;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", arity = "0..*", description = "Models of the settings; without one, all that were deployed.")
    private List<String> models = new ArrayList<>();

    @Option(names = "--json", description = "As JSON, with every file and its SHA-256.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        models.forEach(settings::model);
        ReleaseStore store = new ReleaseStore(settings.deploy().releases());
        ArrayNode all = new ObjectMapper().createArrayNode();
        try (Ledger ledger = Ledgers.open(settings)) {
            ReleaseList list = new ReleaseList(ledger, store);
            List<String> chosen = models.isEmpty() ? settings.models().keySet().stream().filter(model -> !list.of(model).isEmpty()).toList() : models.stream().distinct().toList();
            for (String model : chosen) {
                List<ReleaseList.Line> lines = list.of(model);
                if (json) {
                    lines.forEach(line -> all.add(tree(model, line)));
                } else {
                    print(console, model, lines, store, chosen.indexOf(model) > 0);
                }
            }
            if (!json && chosen.isEmpty()) {
                console.println("Nothing was deployed yet.");
            }
        }
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all));
        }
        return ExitCode.DONE;
    }

    private static void print(Console console, String model, List<ReleaseList.Line> lines, ReleaseStore store, boolean gap) {
        if (gap) {
            console.println("");
        }
        if (lines.isEmpty()) {
            console.println(model + " has no releases yet.");
            return;
        }
        Table table = new Table(model, "state", "deployed", "formats", "size", "score", "restorable", "adapter", "run");
        for (ReleaseList.Line line : lines) {
            table.row(line.number(), line.state().text(), TIME.format(line.created()), line.files().stream().map(ReleaseEntry.File::format).collect(Collectors.joining(",")), Console.bytes(line.bytes()),
                    line.score().isPresent() ? String.format(Locale.ROOT, "%.2f", line.score().getAsDouble()) : "-", line.kept() ? "yes" : "no",
                    line.adapter().map(a -> a.length() > SHORT_HASH ? a.substring(0, SHORT_HASH) : a).orElse("-"), line.run().orElse("-"));
        }
        console.println(table.toString());
        DiskUse use = DiskUse.of(store, model);
        long kept = lines.stream().filter(ReleaseList.Line::kept).count();
        if (kept > 0) {
            console.println("The " + kept + " restorable " + (kept == 1 ? "one holds " : "ones hold ") + Console.bytes(use.bytes()) + " and cost " + Console.bytes(use.occupied()) + " of disk beside what is installed.");
        }
    }

    private static ObjectNode tree(String model, ReleaseList.Line line) {
        ObjectNode node = new ObjectMapper().createObjectNode().put("model", model).put("number", line.number()).put("state", line.state().text()).put("restorable", line.kept())
                .put("deployed", line.created().toString()).put("adapter", line.adapter().orElse(null)).put("base", line.base().orElse(null)).put("run", line.run().orElse(null));
        if (line.score().isPresent()) {
            node.put("score", line.score().getAsDouble());
        }
        line.settings().ifPresent(s -> node.putObject("settings").put("context-length", s.contextLength()).put("temperature", s.temperature()).put("system-prompt", s.systemPrompt())
                .put("primary-format", s.primaryFormat()).put("loaded-as", s.modelId()));
        ArrayNode files = node.putArray("files");
        line.files().forEach(f -> files.addObject().put("format", f.format()).put("path", f.path()).put("bytes", f.bytes()).put("sha256", f.sha256()));
        return node;
    }
}
