package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Doctor;
import dev.adapterferry.stage.PassagePlan;
import dev.adapterferry.stage.RunRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Carries models through the stages now, in this process. */
@Command(name = "deploy", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Carries models through the stages: download, merge, quantize, deploy, health-check, evaluate. What is done already is not done again.")
final class DeployCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", arity = "0..*", description = "Models of the settings.")
    private List<String> models = new ArrayList<>();

    @Option(names = "--model", paramLabel = "MODEL", description = "The same as naming it.")
    private List<String> named = new ArrayList<>();

    @Option(names = {"--all", "--all-models"}, description = "Every enabled model, those of one base after another.")
    private boolean all;

    @Option(names = "--instance-id", paramLabel = "ID", description = "vast.ai instance to pull from.")
    private String instanceId;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder to use instead of the model's source.")
    private String adapter;

    @Option(names = "--base", paramLabel = "DIR|ID", description = "Base checkpoint: a folder or a Hugging Face id.")
    private String base;

    @Option(names = "--formats", paramLabel = "F,F", split = ",", description = "Formats to make, such as Q4_K_M,Q8_0.")
    private List<String> formats = new ArrayList<>();

    @Option(names = {"--only", "--stage"}, paramLabel = "STAGE", completionCandidates = StageNames.class, description = "Only this stage.")
    private String only;

    @Option(names = "--from", paramLabel = "STAGE", completionCandidates = StageNames.class, description = "This stage and those after it; the earlier ones must have been done.")
    private String from;

    @Option(names = "--from-checkpoint", description = "Go on where the last run stopped; the default, kept for those who are used to it.")
    private boolean fromCheckpoint;

    @Option(names = "--skip-download", description = "Leave the download out.")
    private boolean skipDownload;

    @Option(names = "--skip-health-check", description = "Leave the health check out.")
    private boolean skipHealthCheck;

    @Option(names = "--skip-evaluation", description = "Leave the evaluation out.")
    private boolean skipEvaluation;

    @Option(names = "--accept-unfinished", description = "Take the adapter although its training has not said that it finished.")
    private boolean acceptUnfinished;

    @Option(names = "--rollback", paramLabel = "MODEL", description = "Go back to the release before and do nothing else; the same as 'ferry rollback MODEL'.")
    private String rollback;

    @Option(names = "--force", description = "Do again what is already done.")
    private boolean force;

    @Option(names = "--json", description = "The runs' reports as JSON; with --dry-run the plan, with --rollback what 'ferry rollback' tells.")
    private boolean json;

    @Option(names = "--dry-run", description = "Say which stages would be done and why, with sizes and times; change nothing.")
    private boolean dryRun;

    @Override
    public Integer call() {
        Console console = common.console();
        Settings settings = common.settings(console, acceptUnfinished ? Map.of("source.accept-unfinished", "true") : Map.of());
        if (rollback != null) {
            return RollbackCommand.rollback(console, settings, rollback, OptionalInt.empty(), true, json);
        }
        List<String> chosen = chosen(settings);
        chosen.forEach(settings::model);
        if (dryRun) {
            return plan(console, settings, chosen);
        }
        return new Carrying(console, settings, json).all(application -> chosen, (application, model) -> application.carry(request(model)));
    }

    private int plan(Console console, Settings settings, List<String> chosen) {
        boolean healthy = true;
        ArrayNode plans = JsonNodeFactory.instance.arrayNode();
        for (String model : chosen) {
            try (Examination examination = new Examination(settings, request(model))) {
                Doctor.Report report = examination.examine(true);
                List<PassagePlan.Step> steps = examination.plan(report);
                healthy &= report.healthy();
                plans.add(Examination.json(model, report, steps));
                if (!json) {
                    Examination.print(console, model, report, steps);
                }
            }
        }
        if (json) {
            console.println(plans.toPrettyString());
        }
        return healthy ? ExitCode.DONE : ExitCode.UNHEALTHY;
    }

    private List<String> chosen(Settings settings) {
        List<String> chosen = new ArrayList<>(models);
        chosen.addAll(named);
        if (all) {
            // Models of one base in a row: what the system still holds of the base's files serves them all.
            settings.models().entrySet().stream().filter(e -> e.getValue().enabled())
                    .sorted((a, b) -> a.getValue().base().orElse("").compareTo(b.getValue().base().orElse(""))).map(e -> e.getKey()).forEach(chosen::add);
        }
        if (chosen.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "Name a model, or say --all. " + CommonOptions.configured(settings));
        }
        if (chosen.size() > 1 && (adapter != null || instanceId != null)) {
            throw new ParameterException(spec.commandLine(), "--adapter and --instance-id belong to one model; " + chosen.size() + " were named.");
        }
        return chosen.stream().distinct().toList();
    }

    private RunRequest request(String model) {
        List<String> skip = new ArrayList<>();
        if (skipDownload) {
            skip.add(Stage.DOWNLOAD.text());
        }
        if (skipHealthCheck) {
            skip.add(Stage.HEALTH_CHECK.text());
        }
        if (skipEvaluation) {
            skip.add(Stage.EVALUATE.text());
        }
        return new RunRequest(model, instanceId, adapter, base, formats, only, from, skip, force, "command");
    }
}
