package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * From a generated checkpoint and adapter to finished files, end to end: wall and CPU time, traffic and memory of one
 * pass in each of several set-ups, every one in a fresh process, cold start included. Prints a table and the targets
 * with what was reached.
 *
 * <p>Traffic is what the process moved through system calls ({@code /proc/self/io}), page cache or not; the disk's own
 * speed is measured with {@code dd} for comparison.
 */
public final class PassBenchmark {
    private static final String THREE = "Q4_K_M,Q5_K_M,Q8_0";
    private static final int RANK = 16;
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * What to measure.
     *
     * @param model  size of the checkpoint
     * @param folder where to work; several times the checkpoint's size in space, emptied afterwards
     */
    public record Options(SyntheticQwen2 model, Path folder) { }

    private final Options options;
    private final PrintStream out;

    /**
     * @param options what to measure
     * @param out     receives the table
     */
    public PassBenchmark(Options options, PrintStream out) {
        this.options = options;
        this.out = out;
    }

    /**
     * Measures.
     *
     * @return the numbers
     * @throws FerryException when a pass fails
     */
    public ObjectNode run() throws IOException {
        SyntheticQwen2 model = options.model();
        Path base = options.folder().resolve("bench-base");
        Path adapter = options.folder().resolve("bench-adapter");
        try {
            out.printf(Locale.ROOT, "Generating a Qwen2 checkpoint of %,d weights and an adapter of rank %d%n", model.parameters(), RANK);
            model.writeCheckpoint(base);
            model.writeAdapter(adapter, RANK, "bench-base");
            ObjectNode root = JSON.createObjectNode().put("model", model.label()).put("weights", model.parameters()).put("processors", Runtime.getRuntime().availableProcessors())
                    .put("java", System.getProperty("java.vm.version")).put("baseBytes", size(base)).put("adapterBytes", size(adapter));
            ArrayNode runs = root.putArray("runs");
            int most = Math.max(2, Runtime.getRuntime().availableProcessors());
            runs.add(run("merge, three formats", base, Optional.of(adapter), THREE, 1));
            runs.add(run("merge, three formats", base, Optional.of(adapter), THREE, most));
            runs.add(run("three formats", base, Optional.empty(), THREE, most));
            // A disk's speed wanders: dd is asked before and after the run that is compared with it.
            long size = model.parameters() * 34 / 32;
            Optional<Double> before = copyRate(size);
            runs.add(run("Q8_0 alone", base, Optional.empty(), "Q8_0", most));
            Optional<Double> after = copyRate(size);
            if (before.isPresent() && after.isPresent()) {
                root.put("ddBytesPerSecond", (before.get() + after.get()) / 2);
            }
            print(root);
            return root;
        } finally {
            delete(base);
            delete(adapter);
        }
    }

    private ObjectNode run(String name, Path base, Optional<Path> adapter, String formats, int threads) throws IOException {
        Path output = options.folder().resolve("bench-output");
        Path journals = options.folder().resolve("bench-journal");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(a -> a.startsWith("--") || a.startsWith("-X")).toList());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), PassRun.class.getName(), base.toString(), adapter.map(Path::toString).orElse("-"), output.toString(), formats,
                Integer.toString(threads), journals.toString()));
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            String last = "";
            try (BufferedReader reader = process.inputReader()) {
                last = reader.lines().reduce("", (a, b) -> b.startsWith("{") ? b : a);
            }
            if (process.waitFor() != 0 || last.isEmpty()) {
                throw new FerryException("The measured pass (" + name + ") failed with exit code " + process.exitValue() + ".");
            }
            ObjectNode node = (ObjectNode) JSON.readTree(last);
            ObjectNode full = JSON.createObjectNode().put("run", name).put("formats", formats).put("threads", threads).put("merge", adapter.isPresent());
            full.setAll(node);
            return full;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new dev.adapterferry.failure.Cancelled("the benchmark");
        } finally {
            delete(output);
            delete(journals);
        }
    }

    /** Bytes per second that {@code dd} reaches in writing as much, or empty where there is no dd. */
    private Optional<Double> copyRate(long bytes) throws IOException {
        Path file = options.folder().resolve("bench-dd");
        long mebibytes = Math.max(1, bytes >> 20);
        try {
            long start = System.nanoTime();
            Process process = new ProcessBuilder("dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=" + mebibytes, "conv=fsync").redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            return process.waitFor() == 0 ? Optional.of((mebibytes << 20) * 1e9 / (System.nanoTime() - start)) : Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private void print(JsonNode root) {
        out.printf("%n%-22s %7s %8s %8s %9s %10s %10s %9s %9s%n", "", "threads", "wall s", "CPU s", "ns/weight", "read MB", "written MB", "RSS MB", "anon MB");
        for (JsonNode run : root.path("runs")) {
            out.printf(Locale.ROOT, "%-22s %7d %8.1f %8.1f %9.2f %10.0f %10.0f %9.0f %9.0f%n", run.path("run").asText(), run.path("threads").asInt(), run.path("wallSeconds").asDouble(),
                    run.path("processCpuSeconds").asDouble(), run.path("cpuNanosPerWeight").asDouble(), run.path("ioRead").asDouble() / 1e6, run.path("ioWritten").asDouble() / 1e6,
                    run.path("peakRssBytes").asDouble() / 1e6, run.path("peakAnonymousBytes").asDouble() / 1e6);
        }
        JsonNode one = root.at("/runs/0");
        JsonNode all = root.at("/runs/1");
        JsonNode q8 = root.at("/runs/3");
        double must = root.path("baseBytes").asDouble() + root.path("adapterBytes").asDouble() + all.path("outputBytes").asDouble();
        out.println();
        target("CPU per weight, merge and three formats", one.path("cpuNanosPerWeight").asDouble(), "ns", "at most 30");
        target("bytes moved / (base + adapter + outputs)", (all.path("ioRead").asDouble() + all.path("ioWritten").asDouble()) / must, "", "at most 1.05");
        target("anonymous memory", all.path("peakAnonymousBytes").asDouble() / (1 << 30), "GiB", "at most 1.5");
        target("scaling, 1 to " + all.path("threads").asInt() + " threads", one.path("wallSeconds").asDouble() / all.path("wallSeconds").asDouble(), "x", "at least 1.8 for 2");
        if (root.has("ddBytesPerSecond")) {
            target("Q8_0 alone, rate / dd", q8.path("outputBytes").asDouble() / q8.path("wallSeconds").asDouble() / root.path("ddBytesPerSecond").asDouble(), "", "at least 0.8");
        }
    }

    private void target(String name, double value, String unit, String target) {
        out.printf(Locale.ROOT, "%-45s %8.2f %-4s (target: %s)%n", name, value, unit, target);
    }

    private static long size(Path folder) throws IOException {
        long size = 0;
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                size += Files.size(file);
            }
        }
        return size;
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
