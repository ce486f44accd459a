package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * From a generated checkpoint and adapter to finished files, end to end: wall and CPU time, traffic and memory of one
 * pass in each of several set-ups, every one in a fresh process, cold start included, and most once more in the same
 * process (Q8_0 alone five times more, of which the last counts as warm). Prints a table and the targets with what was reached.
 *
 * <p>Traffic is what the process moved through system calls ({@code /proc/self/io}), page cache or not; the disk's own
 * speed is measured with {@code dd} for comparison.
 */
public final class PassBenchmark {
    private static final String THREE = "Q4_K_M,Q5_K_M,Q8_0";
    private static final int RANK = 16;
    private static final List<String> PIN = List.of("taskset", "-c", "0");
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
            runs.add(run(new SetUp("merge, three formats", THREE, 1, 2, false), base, Optional.of(adapter)));
            runs.add(run(new SetUp("merge, three formats", THREE, most, 2, false), base, Optional.of(adapter)));
            runs.add(run(new SetUp("three formats", THREE, most, 1, false), base, Optional.empty()));
            // A disk's speed wanders: dd is asked before and after the run that is compared with it.
            long size = model.parameters() * 34 / 32;
            Optional<Double> before = copyRate(size);
            // A short pass: the compiler is through with it only after some of them.
            runs.add(run(new SetUp("Q8_0 alone", "Q8_0", most, 6, false), base, Optional.empty()));
            Optional<Double> after = copyRate(size);
            if (before.isPresent() && after.isPresent()) {
                root.put("ddBytesPerSecond", (before.get() + after.get()) / 2);
            }
            if (canPin()) {
                runs.add(run(new SetUp("merge, one core", THREE, 1, 1, true), base, Optional.of(adapter)));
            }
            print(root);
            return root;
        } finally {
            Folders.delete(base);
            Folders.delete(adapter);
        }
    }

    /**
     * A way to run the pass.
     *
     * @param pinned on one core, so that the compiler's threads share it with the pass
     */
    private record SetUp(String name, String formats, int threads, int turns, boolean pinned) { }

    private ObjectNode run(SetUp how, Path base, Optional<Path> adapter) throws IOException {
        Path output = options.folder().resolve("bench-output");
        Path journals = options.folder().resolve("bench-journal");
        List<String> command = new ArrayList<>(how.pinned() ? PIN : List.of());
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(a -> a.startsWith("--") || a.startsWith("-X")).toList());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), PassRun.class.getName(), base.toString(), adapter.map(Path::toString).orElse("-"), output.toString(), how.formats(),
                Integer.toString(how.threads()), journals.toString(), Integer.toString(how.turns())));
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            String last = "";
            try (BufferedReader reader = process.inputReader()) {
                last = reader.lines().reduce("", (a, b) -> b.startsWith("{") ? b : a);
            }
            if (process.waitFor() != 0 || last.isEmpty()) {
                throw new FerryException("The measured pass (" + how.name() + ") failed with exit code " + process.exitValue() + ".");
            }
            ObjectNode node = (ObjectNode) JSON.readTree(last);
            ObjectNode full = JSON.createObjectNode().put("run", how.name()).put("formats", how.formats()).put("threads", how.threads()).put("merge", adapter.isPresent())
                    .put("pinned", how.pinned());
            full.setAll(node);
            return full;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new dev.adapterferry.failure.Cancelled("the benchmark");
        } finally {
            Folders.delete(output);
            Folders.delete(journals);
        }
    }

    /** Whether a process can be kept on one core here. */
    private static boolean canPin() {
        try {
            List<String> command = new ArrayList<>(PIN);
            command.add("true");
            return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (IOException e) {
            return false;
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
        out.printf("%n%-22s %7s %8s %8s %9s %10s %10s %9s %9s %9s %9s%n", "", "threads", "wall s", "CPU s", "ns/weight", "read MB", "written MB", "RSS MB", "anon MB", "warm wall", "warm CPU");
        for (JsonNode run : root.path("runs")) {
            out.printf(Locale.ROOT, "%-22s %7d %8.1f %8.1f %9.2f %10.0f %10.0f %9.0f %9.0f %9s %9s%n", run.path("run").asText(), run.path("threads").asInt(), run.path("wallSeconds").asDouble(),
                    run.path("processCpuSeconds").asDouble(), run.path("cpuNanosPerWeight").asDouble(), run.path("ioRead").asDouble() / 1e6, run.path("ioWritten").asDouble() / 1e6,
                    run.path("peakRssBytes").asDouble() / 1e6, run.path("peakAnonymousBytes").asDouble() / 1e6, warm(run, "warmWallSeconds"), warm(run, "warmCpuSeconds"));
        }
        JsonNode one = root.at("/runs/0");
        JsonNode all = root.at("/runs/1");
        JsonNode q8 = root.at("/runs/3");
        double must = root.path("baseBytes").asDouble() + root.path("adapterBytes").asDouble() + all.path("outputBytes").asDouble();
        out.println();
        target("CPU per weight, merge and three formats", one.path("cpuNanosPerWeight").asDouble(), "ns", "at most 30");
        target("bytes moved / (base + adapter + outputs)", (all.path("ioRead").asDouble() + all.path("ioWritten").asDouble()) / must, "", "at most 1.05");
        target("anonymous memory", all.path("peakAnonymousBytes").asDouble() / (1 << 30), "GiB", "at most 1.5");
        for (String turn : List.of("wallSeconds", "warmWallSeconds")) {
            String when = turn.startsWith("warm") ? ", warm" : ", cold start";
            target("scaling, 1 to " + all.path("threads").asInt() + " threads" + when, one.path(turn).asDouble() / all.path(turn).asDouble(), "x", "at least 1.8 for 2");
            if (root.has("ddBytesPerSecond")) {
                target("Q8_0 alone, rate / dd" + when, q8.path("outputBytes").asDouble() / q8.path(turn).asDouble() / root.path("ddBytesPerSecond").asDouble(), "", "at least 0.8");
            }
        }
        if (root.at("/runs/4").path("pinned").asBoolean()) {
            target("scaling, one core to all, cold start", root.at("/runs/4/wallSeconds").asDouble() / all.path("wallSeconds").asDouble(), "x", "at least 1.8 for 2");
        }
    }

    private static String warm(JsonNode run, String key) {
        return run.has(key) ? String.format(Locale.ROOT, "%.1f", run.path(key).asDouble()) : "";
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
}
