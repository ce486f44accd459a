package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Merging a generated adapter into generated checkpoints of rising size, each in a fresh process with the launcher's memory settings:
 * bytes of base merged per second, cold start, report and the reading back of samples included, and the largest resident size. Then one
 * pass to three quantized formats with the merge and without, for the merge's share of it.
 */
public final class MergeBenchmark {
    private static final String FORMATS = "Q4_K_M,Q5_K_M,Q8_0";
    private static final List<String> LAUNCHER = List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC", "-Xmx1200m");
    private static final int RANK = 16;

    private final Path folder;
    private final int threads;
    private final PrintStream out;

    /**
     * @param folder  where to work: two times the largest checkpoint in space, emptied afterwards
     * @param threads worker threads of each merge
     * @param out     receives the table
     */
    public MergeBenchmark(Path folder, int threads, PrintStream out) {
        this.folder = folder;
        this.threads = threads;
        this.out = out;
    }

    /** Usage: {@code MergeBenchmark [FOLDER [SIZE...]]}; without sizes 0.5B, 1.5B and 3B. */
    public static void main(String[] arguments) throws IOException {
        Path folder = arguments.length > 0 ? Path.of(arguments[0]) : Files.createTempDirectory("ferry-bench");
        List<String> sizes = arguments.length > 1 ? List.of(arguments).subList(1, arguments.length) : List.of("0.5B", "1.5B", "3B");
        new MergeBenchmark(folder, Runtime.getRuntime().availableProcessors(), System.out).run(sizes.stream().map(SyntheticQwen2::ofSize).toList());
    }

    /**
     * Measures.
     *
     * @param models sizes; the pass is measured on the first
     * @return one object per merge
     * @throws FerryException when a merge fails
     */
    public ArrayNode run(List<SyntheticQwen2> models) throws IOException {
        ArrayNode runs = new JsonMapper().createArrayNode();
        out.printf("%-8s %9s %8s %8s %7s %7s %9s %9s%n", "base", "base MB", "adapted", "wall s", "CPU s", "GB/s", "RSS MiB", "anon MiB");
        for (SyntheticQwen2 model : models) {
            Path base = folder.resolve("bench-base");
            Path adapter = folder.resolve("bench-adapter");
            try {
                model.writeCheckpoint(base);
                model.writeAdapter(adapter, RANK, "bench-base");
                runs.add(merge(model, base, adapter));
                if (model == models.getFirst()) {
                    share(base, adapter);
                }
            } finally {
                Folders.delete(base);
                Folders.delete(adapter);
            }
        }
        return runs;
    }

    private JsonNode merge(SyntheticQwen2 model, Path base, Path adapter) throws IOException {
        Path merged = folder.resolve("bench-merged");
        try {
            JsonNode run = child(MergeRun.class, base.toString(), adapter.toString(), merged.toString(), Integer.toString(threads));
            double wall = run.path("wallSeconds").asDouble();
            long bytes = 2 * model.parameters();
            out.printf(Locale.ROOT, "%-8s %9.0f %8d %8.1f %7.1f %7.2f %9.0f %9.0f%n", model.label(), bytes / 1e6, run.path("tensorsAdapted").asInt(), wall, run.path("processCpuSeconds").asDouble(),
                    bytes / wall / 1e9, run.path("peakRssBytes").asDouble() / (1 << 20), run.path("peakAnonymousBytes").asDouble() / (1 << 20));
            return run;
        } finally {
            Folders.delete(merged);
        }
    }

    private void share(Path base, Path adapter) throws IOException {
        double with = pass(base, adapter.toString());
        double without = pass(base, "-");
        out.printf(Locale.ROOT, "one pass to %s: %.1f CPU s with the merge, %.1f without: the merge is %.0f%% of it%n", FORMATS, with, without, 100 * (with - without) / with);
    }

    private double pass(Path base, String adapter) throws IOException {
        Path output = folder.resolve("bench-output");
        try {
            return child(PassRun.class, base.toString(), adapter, output.toString(), FORMATS, Integer.toString(threads), "-", "1").path("processCpuSeconds").asDouble();
        } finally {
            Folders.delete(output);
        }
    }

    private static JsonNode child(Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(LAUNCHER);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader reader = process.inputReader()) {
            String last = reader.lines().reduce("", (a, b) -> b.startsWith("{") ? b : a);
            if (process.waitFor() != 0 || last.isEmpty()) {
                throw new FerryException("The measured " + main.getSimpleName() + " failed with exit code " + process.exitValue() + ".");
            }
            return new JsonMapper().readTree(last);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroy();
            throw new Cancelled("the benchmark");
        }
    }
}
