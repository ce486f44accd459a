package dev.adapterferry.cli;

import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.settings.MergeSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Size;
import dev.adapterferry.stage.CheckpointMerge;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Merges adapters into a base and writes a checkpoint, beside the passage. */
@Command(name = "merge", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Merges adapters into a base and writes the checkpoint as safetensors, with a report that proves that they landed. A run does not need this: it merges while it quantizes. Killed or stopped and started again, it goes on where it stood.")
final class MergeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Option(names = "--base", paramLabel = "DIR|ID", description = "Base checkpoint: a folder or a Hugging Face id (default: the one that the adapter names).")
    private String base;

    @Option(names = "--base-revision", paramLabel = "REV", description = "Commit, tag or branch of a base from the hub.")
    private String revision;

    @Option(names = "--adapter", paramLabel = "DIR", required = true, description = "Adapter folder. Several are merged one after the other.")
    private List<Path> adapters = new ArrayList<>();

    @Option(names = "--weight", paramLabel = "W", description = "Factor on an adapter's delta, one for each --adapter, in their order (default: 1).")
    private List<Double> weights = new ArrayList<>();

    @Option(names = "--initial", paramLabel = "DIR", description = "The adapter as it was before training, where its start changed the base (CorDA, LoRA-GA, LoftQ); for one --adapter.")
    private Path initial;

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder to write. It must be new, empty or an earlier merge.")
    private Path out;

    @Option(names = "--dtype", paramLabel = "TYPE", description = "bf16, f16 or f32 (default: setting merge.dtype, usually the base's own).")
    private MergeSettings.Dtype dtype;

    @Option(names = "--shard-size", paramLabel = "SIZE", description = "Largest file, such as 5GB (default: setting merge.shard-size).")
    private String shardSize;

    @Option(names = "--allow", paramLabel = "NAME", split = ",", description = "What may pass although a merge refuses it, by the name that the refusal gives.")
    private List<String> allow = new ArrayList<>();

    @Option(names = "--json", description = "Print the report as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Console console = common.console();
        List<MergeInput> inputs = inputs();
        String model = model(adapters.getFirst());
        Settings settings = common.settings(console, revision == null ? Map.of("models." + model + ".enabled", "true") : Map.of("models." + model + ".base-revision", revision));
        MergeSettings usual = settings.merge();
        CheckpointMerge.Order order = new CheckpointMerge.Order(model, base, inputs, out, dtype == null ? usual.dtype() : dtype, shardBytes(usual), Set.copyOf(allow));
        MergeReport report;
        try (Interruption interruption = Interruption.onCtrlC()) {
            report = CheckpointMerge.ofAnyBase().carry(order, settings, console, interruption.cancellation());
        }
        if (json) {
            console.println(new String(report.toJson(), StandardCharsets.UTF_8));
        } else {
            console.println(report.toTable().stripTrailing());
            console.println("The adapter landed: " + out);
        }
        return ExitCode.DONE;
    }

    private List<MergeInput> inputs() {
        if (!weights.isEmpty() && weights.size() != adapters.size()) {
            throw new ParameterException(spec.commandLine(), "Give one --weight for each --adapter: there are " + adapters.size() + " adapters and " + weights.size() + " weights.");
        }
        if (initial != null && adapters.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--initial belongs to one --adapter; " + adapters.size() + " were named.");
        }
        List<MergeInput> inputs = new ArrayList<>();
        for (int i = 0; i < adapters.size(); i++) {
            try {
                inputs.add(new MergeInput(adapters.get(i), weights.isEmpty() ? 1 : weights.get(i), Optional.ofNullable(initial)));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(spec.commandLine(), "--weight: " + e.getMessage() + ".");
            }
        }
        return inputs;
    }

    private long shardBytes(MergeSettings usual) {
        try {
            Size size = shardSize == null ? usual.shardSize() : Size.parse(shardSize);
            if (size.bytes() > 0) {
                return size.bytes();
            }
        } catch (IllegalArgumentException e) {
            // Told below.
        }
        throw new ParameterException(spec.commandLine(), "--shard-size should be a size with its unit (such as 5GB, 500MB), found '" + shardSize + "'.");
    }

    /** The adapter is a model of this one time, unless one of its name is configured. */
    private static String model(Path adapter) {
        Path name = adapter.toAbsolutePath().normalize().getFileName();
        String plain = name == null ? "" : name.toString().replaceAll("[^A-Za-z0-9_-]", "-");
        return plain.isEmpty() ? "adapter" : plain;
    }
}
