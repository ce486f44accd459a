package dev.adapterferry.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.alert.Alert;
import dev.adapterferry.evaluate.VectorComparison;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.Contest;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.ModelServers;
import dev.adapterferry.stage.Promotion;
import dev.adapterferry.stage.ReleaseEvaluation;
import dev.adapterferry.stage.VectorContest;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Releases or formats of a model side by side. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Asks kept releases of a model, or formats of the one in use, the same prompts on the ferry's own server, and says which wins: by score where the difference is more than "
                + "chance, else by speed between formats; the one in use stays where neither decides. Of a model that makes vectors it says how far those of the others are from the first one's; there nobody wins.",
        footer = {"", "A release that wins is restored as 'ferry rollback MODEL --to N' does it. A format that wins becomes the one in use by a new release of the same files, which costs no disk. "
                + "Either is asked the test prompts, and goes back where it does not answer.", "",
                "Exit codes: 0 compared, and the winner is in use where it was to be; 6 the winner did not answer as it should and went back; 4 not compared."})
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
        @Option(names = "--releases", paramLabel = "A,B", description = "Two or more kept releases, by number.")
        private String releases;

        @Option(names = "--formats", paramLabel = "F,G", description = "Two or more formats of the release in use.")
        private String formats;

        List<String> named() {
            return List.of((releases == null ? formats : releases).split("\\s*,\\s*"));
        }
    }

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        settings.model(model);
        List<String> named = sides.named();
        if (named.size() < 2 || sides.releases != null && !named.stream().allMatch(number -> number.matches("\\d{1,9}"))) {
            throw new ParameterException(spec.commandLine(), "Name two or more, with commas between: --releases 3,4 or --formats Q4_K_M,Q8_0.");
        }
        Optional<Promotion.Outcome> outcome;
        Contest.Result result;
        int before;
        try (Ledger ledger = Ledgers.open(settings)) {
            HttpCaller caller = new JdkHttpCaller();
            Facts.Deployed active = new ActiveReleases(settings, ledger).get(model);
            ModelServers servers = new EmbeddedServers(caller);
            if (ModelUse.of(active.primaryFile().item().path()) == ModelUse.VECTORS) {
                return vectors(console, new VectorContest(settings, caller, servers, console, model), active, named);
            }
            Contest contest = new Contest(new ReleaseEvaluation(settings, caller, servers, console, new Cancellation()), model, active);
            result = sides.releases == null ? contest.formats(named, Optional.empty()) : contest.releases(named.stream().map(Integer::valueOf).toList());
            EvaluationPrinter printer = new EvaluationPrinter(console);
            Path folder = printer.write(settings, Optional.ofNullable(report), result.report());
            boolean promoting = (promote == null ? settings.evaluate().promote() : promote) && !result.inUse();
            before = active.release();
            outcome = promoting ? Optional.of(promote(settings, ledger, caller, servers, console, result)) : Optional.empty();
            if (json) {
                ObjectNode document = (ObjectNode) new ObjectMapper().readTree(result.report().json());
                document.put("winner", result.name()).put("reason", result.reason()).put("promotedRelease", outcome.filter(Promotion.Outcome::held).map(Promotion.Outcome::release).orElse(null))
                        .put("promotionTrouble", outcome.map(Promotion.Outcome::trouble).filter(trouble -> !trouble.isEmpty()).orElse(null));
                console.println(document.toPrettyString());
            } else {
                printer.print(result.report(), folder);
                console.println("Winner: " + result.name() + outcome.map(CompareCommand::sentence).orElse(result.inUse() ? ", which is in use already." : ". What is in use stays; --promote would change that."));
                outcome.filter(Promotion.Outcome::held).flatMap(held -> result.winner().format())
                        .ifPresent(format -> console.println("Set models." + model + ".primary-format: " + format + " to keep it for the next deployments."));
            }
        }
        outcome.filter(Promotion.Outcome::held).filter(held -> result.winner().format().isEmpty())
                .ifPresent(held -> Telling.tell(console, settings, Alert.restored(model, before, held.release(), "ferry compare", "")));
        return outcome.isPresent() && !outcome.get().held() ? ExitCode.UNHEALTHY : ExitCode.DONE;
    }

    /** Of a model that makes vectors: how far they are apart. Nobody wins. */
    private int vectors(Console console, VectorContest contest, Facts.Deployed active, List<String> named) throws JsonProcessingException {
        if (Boolean.TRUE.equals(promote)) {
            throw new ParameterException(spec.commandLine(), model + " makes vectors: they tell how far two files are apart, not which is better, so nothing can be promoted by them.");
        }
        List<VectorComparison> found = sides.releases == null ? contest.formats(active.release(), named) : contest.releases(named.stream().map(Integer::valueOf).toList());
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(found));
            return ExitCode.DONE;
        }
        Table table = new Table("vectors of", "against", "texts", "mean cosine", "lowest", "same nearest text", "furthest text");
        found.forEach(one -> table.row(one.contender(), one.reference(), one.texts(), String.format(Locale.ROOT, "%.5f", one.mean()), String.format(Locale.ROOT, "%.5f", one.lowest()),
                String.format(Locale.ROOT, "%.0f %%", 100 * one.sameNearest()), one.lowestText().lines().findFirst().map(line -> line.length() > 60 ? line.substring(0, 57) + "..." : line).orElse("")));
        console.println(table.toString());
        return ExitCode.DONE;
    }

    private Promotion.Outcome promote(Settings settings, Ledger ledger, HttpCaller caller, ModelServers servers, Console console, Contest.Result result) {
        Promotion.Outcome outcome = new Promotion(settings, ledger, caller, servers, console, new Cancellation()).onDemand(model, result.winner());
        if (outcome.held() && result.winner().format().isPresent()) {
            ActiveReleases.scored(ledger, model, outcome.release(), result.card(), true);
        }
        return outcome;
    }

    private static String sentence(Promotion.Outcome outcome) {
        return outcome.held() ? ". It is in use now, as release " + outcome.release() + "." : ". But it does not answer as it should: " + outcome.trouble() + ". Release " + outcome.release() + " is in use again.";
    }
}
