package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.Doctor;
import dev.adapterferry.stage.RunRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Judges a model before anything is transferred. */
@Command(name = "doctor", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Says in seconds, before anything is transferred, whether a model will come through: adapter, base and its commit, architecture, vocabulary, disk, memory and time.",
        footer = {"", "Of what is not on this machine only configurations and headers are read. Exit codes: 0 nothing stands in the way, 6 something does."})
final class DoctorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", arity = "0..1", description = "A model of the settings; without one --adapter or --base are judged alone.")
    private String model;

    @Option(names = "--instance-id", paramLabel = "ID", description = "vast.ai instance to look at.")
    private String instanceId;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder instead of the model's source.")
    private String adapter;

    @Option(names = "--base", paramLabel = "DIR|ID", description = "Base checkpoint: a folder or a Hugging Face id.")
    private String base;

    @Option(names = "--formats", paramLabel = "F,F", split = ",", description = "Formats to plan, such as Q4_K_M,Q8_0.")
    private List<String> formats = new ArrayList<>();

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        if (model == null && adapter == null && base == null) {
            throw new ParameterException(spec.commandLine(), "Name a model, or say --adapter DIR or --base DIR|ID.");
        }
        String name = model != null ? model : nameOf(adapter != null ? adapter : base);
        Console console = common.console();
        Settings settings = model != null ? common.settings(console) : common.settings(console, Map.of("models." + name + ".enabled", "false"));
        settings.model(name);
        RunRequest request = new RunRequest(name, instanceId, adapter, base, formats, null, null, List.of(), false, "command");
        try (Examination examination = new Examination(settings, request)) {
            Doctor.Report report = examination.examine(model != null || adapter != null);
            if (json) {
                console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(Examination.json(name, report)));
            } else {
                Examination.print(console, name, report);
            }
            return report.healthy() ? ExitCode.DONE : ExitCode.UNHEALTHY;
        }
    }

    /** A name for what has none in the settings. */
    private static String nameOf(String place) {
        Path last = Path.of(place).toAbsolutePath().normalize().getFileName();
        String name = last == null ? "" : last.toString().toLowerCase(java.util.Locale.ROOT).replaceAll("[^a-z0-9-]", "-").replaceAll("^-+|-+$", "");
        return name.isEmpty() ? "model" : name;
    }
}
