package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.bench.KernelBenchmark;
import dev.adapterferry.bench.PassBenchmark;
import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.files.Durable;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.TypeOverride;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures kernels and the whole pass on this machine. */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Measures this machine: each format's kernel against its scalar twin and llama.cpp's own C, and the whole pass from a generated checkpoint to finished files."
                + " Prints tables; --json saves the numbers. What they mean: src/docs/benchmarks.md.")
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--only", paramLabel = "PART", description = "Only this part: ${COMPLETION-CANDIDATES} (default: both).")
    private Part only;

    @Option(names = "--formats", paramLabel = "T,T", split = ",", description = "Kernels: block formats such as Q4_K,Q8_0 (default: all that the embedded llama.cpp knows).")
    private List<String> formats = new ArrayList<>();

    @Option(names = "--importance", description = "Kernels: quantize under an importance matrix.")
    private boolean importance;

    @Option(names = "--weights", paramLabel = "N", defaultValue = "1048576", description = "Kernels: number of weights (default: ${DEFAULT-VALUE}).")
    private int weights;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "7", description = "Kernels: turns of each contestant, of which the fastest counts (default: ${DEFAULT-VALUE}).")
    private int turns;

    @Option(names = "--turn-seconds", paramLabel = "S", defaultValue = "0.15", description = "Kernels: how long a turn lasts at least (default: ${DEFAULT-VALUE}).")
    private double turnSeconds;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "0.1B", description = "Pass: size of the generated Qwen2 checkpoint, 0.01B, 0.1B, 0.5B or 1.5B (default: ${DEFAULT-VALUE}).")
    private String size;

    @Option(names = "--dir", paramLabel = "DIR", description = "Pass: folder on the disk to measure, about 6 bytes per weight of it are needed for a while (default: a temporary one).")
    private Path dir;

    @Option(names = "--json", paramLabel = "FILE", description = "Save the numbers.")
    private Path json;

    /** Parts of the benchmark. */
    enum Part { KERNELS, PASS }

    @Override
    public Integer call() throws IOException {
        if (weights < 1 || turns < 1 || !(turnSeconds >= 0)) {
            throw new ParameterException(spec.commandLine(), "--weights and --turns should be at least 1, --turn-seconds at least 0.");
        }
        SyntheticQwen2 model = model();
        Set<GgmlType> types = types();
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        if (only != Part.PASS) {
            KernelBenchmark benchmark = new KernelBenchmark(new KernelBenchmark.Options(types, importance, weights, turns, turnSeconds), System.out);
            root.set("kernels", benchmark.json(benchmark.run()));
        }
        if (only != Part.KERNELS) {
            System.out.println();
            root.set("pass", pass(model));
        }
        if (json != null) {
            Durable.write(json, root.toPrettyString() + "\n");
        }
        return ExitCode.DONE;
    }

    private ObjectNode pass(SyntheticQwen2 model) throws IOException {
        if (dir != null) {
            return new PassBenchmark(new PassBenchmark.Options(model, Files.createDirectories(dir)), System.out).run();
        }
        Path temporary = Files.createTempDirectory("ferry-bench-");
        try {
            return new PassBenchmark(new PassBenchmark.Options(model, temporary), System.out).run();
        } finally {
            // The benchmark has removed what it made.
            Files.deleteIfExists(temporary);
        }
    }

    private SyntheticQwen2 model() {
        try {
            return SyntheticQwen2.ofSize(size);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--size: " + e.getMessage() + ".");
        }
    }

    private Set<GgmlType> types() {
        Set<GgmlType> known = KernelBenchmark.defaultTypes();
        Set<GgmlType> chosen = formats.stream().map(TypeOverride::parseType).collect(Collectors.toCollection(() -> EnumSet.noneOf(GgmlType.class)));
        if (!known.containsAll(chosen)) {
            throw new ParameterException(spec.commandLine(), "--formats: the embedded llama.cpp quantizes " + known + ", found " + formats + ".");
        }
        return chosen.isEmpty() ? known : chosen;
    }
}
