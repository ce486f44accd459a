package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.Contest;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.ReleaseDesk;
import dev.adapterferry.stage.ReleaseEvaluation;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Two releases or two formats of a model side by side. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Asks two kept releases of a model, or two formats of the one in use, the same prompts on the ferry's own server, and says which wins: by score where the difference is more than "
                + "chance, else by speed; the one in use stays where neither decides.",
        footer = {"", "A release that wins is restored as 'ferry rollback MODEL --to N' does it. A format that wins becomes the one in use by a new release of the same files, which costs no disk."})
final class CompareCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", description = "The model.")
    private String model;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Sides sides;

    @Option(names = "--promote", negatable = true, description = "Whether the winner becomes what is in use (default: setting evaluate.promote).")
    private Boolean promote;

    @Option(names = "--report", paramLabel = "DIR", description = "Folder for the reports (default: evaluations/ in the working directory).")
    private Path report;

    @Option(names = "--json", description = "The whole report as JSON, with the winner.")
    private boolean json;

    /** What is compared. */
    static final class Sides {
        @Option(names = "--releases", paramLabel = "A,B", description = "Two kept releases, by number.")
        private String releases;

        @Option(names = "--formats", paramLabel = "F,G", description = "Two formats of the release in use.")
        private String formats;

        List<String> pair() {
            return List.of((releases == null ? formats : releases).split("\\s*,\\s*"));
        }
    }

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        settings.model(model);
        List<String> pair = sides.pair();
        if (pair.size() != 2 || sides.releases != null && !pair.stream().allMatch(number -> number.matches("\\d{1,9}"))) {
            throw new ParameterException(spec.commandLine(), "Name two, with a comma between: --releases 3,4 or --formats Q4_K_M,Q8_0.");
        }
        try (Ledger ledger = Ledgers.open(settings)) {
            HttpCaller caller = new JdkHttpCaller();
            Facts.Deployed active = new ActiveReleases(settings, ledger).get(model);
            Contest contest = new Contest(new ReleaseEvaluation(settings, caller, new EmbeddedServers(caller), console, new Cancellation()), model, active);
            Contest.Result result = sides.releases == null ? contest.formats(pair.getFirst(), pair.getLast())
                    : contest.releases(Integer.parseInt(pair.getFirst()), Integer.parseInt(pair.getLast()));
            EvaluationPrinter printer = new EvaluationPrinter(console);
            Path folder = printer.write(settings, Optional.ofNullable(report), result.report());
            boolean promoting = (promote == null ? settings.evaluate().promote() : promote) && !result.inUse();
            Integer promoted = promoting ? (Integer) promote(new ReleaseDesk(settings, ledger, caller, console, new Cancellation()), result.winner()) : null;
            if (json) {
                ObjectNode document = (ObjectNode) new ObjectMapper().readTree(result.report().json());
                document.put("winner", result.name()).put("reason", result.reason()).put("promotedRelease", promoted);
                console.println(document.toPrettyString());
                return ExitCode.DONE;
            }
            printer.print(result.report(), folder);
            console.println("Winner: " + result.name() + (promoted != null ? ". It is in use now, as release " + promoted + "." : result.inUse() ? ", which is in use already." : ". What is in use stays; --promote would change that."));
            if (promoted != null && result.winner().format().isPresent()) {
                console.println("Set models." + model + ".primary-format: " + result.winner().format().get() + " to keep it for the next deployments.");
            }
        }
        return ExitCode.DONE;
    }

    private int promote(ReleaseDesk desk, Contest.Side winner) {
        ReleaseDesk.InUse inUse = winner.format().isPresent() ? desk.promote(model, winner.format().get()) : desk.rollback(model, OptionalInt.of(winner.release()));
        return inUse.deployed().release().number();
    }
}
