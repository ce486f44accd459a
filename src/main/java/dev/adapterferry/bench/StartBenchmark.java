package dev.adapterferry.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * How long the packaged program takes to start: {@code ferry status} from the shell to its end, and the daemon until it says that it
 * runs. With the start-up cache and without, as a user has them. Reports, judges nothing.
 *
 * <p>Usage: {@code StartBenchmark DIST [ROUNDS]}, DIST being the folder that holds {@code bin/ferry}.
 */
public final class StartBenchmark {
    private static final String READY = "ferry is running";

    private final Path launcher;
    private final Path work;

    private StartBenchmark(Path dist, Path work) {
        this.launcher = dist.toAbsolutePath().resolve("bin").resolve("ferry");
        this.work = work;
    }

    /** Measures and prints a table. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length < 1) {
            System.err.println("Usage: StartBenchmark DIST [ROUNDS]");
            System.exit(2);
        }
        int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 7;
        Path work = Files.createTempDirectory("ferry-start-");
        StartBenchmark benchmark = new StartBenchmark(Path.of(args[0]), work);
        System.out.println("| what | start-up cache | median | fastest | slowest |\n|---|---|---|---|---|");
        for (Map<String, String> environment : List.of(Map.<String, String>of(), Map.of("FERRY_NO_AOT", "1"))) {
            String cache = environment.isEmpty() ? "yes" : "no";
            System.out.println(row("`ferry status`", cache, benchmark.rounds(rounds, () -> benchmark.status(environment))));
            System.out.println(row("`ferry run` until it is ready", cache, benchmark.rounds(rounds, () -> benchmark.daemon(environment))));
        }
    }

    private interface Measurement {
        double seconds() throws IOException, InterruptedException;
    }

    /** The first round warms the disk's cache and is not counted. */
    private List<Double> rounds(int rounds, Measurement measurement) throws IOException, InterruptedException {
        measurement.seconds();
        List<Double> seconds = new ArrayList<>();
        for (int i = 0; i < rounds; i++) {
            seconds.add(measurement.seconds());
        }
        return seconds;
    }

    private static String row(String what, String cache, List<Double> seconds) {
        double[] sorted = seconds.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return String.format(Locale.ROOT, "| %s | %s | %.2f s | %.2f s | %.2f s |", what, cache, sorted[sorted.length / 2], sorted[0], Arrays.stream(sorted).max().orElse(0));
    }

    private double status(Map<String, String> environment) throws IOException, InterruptedException {
        long began = System.nanoTime();
        Process process = start(environment, "status");
        process.getInputStream().readAllBytes();
        if (process.waitFor() != 0) {
            throw new IOException("ferry status ended with " + process.exitValue());
        }
        return (System.nanoTime() - began) / 1e9;
    }

    private double daemon(Map<String, String> environment) throws IOException, InterruptedException {
        long began = System.nanoTime();
        Process process = start(environment, "run", "--set", "http.port=0", "--set", "vast.enabled=never");
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line == null || !line.contains(READY); line = lines.readLine()) {
                if (line == null) {
                    throw new IOException("the daemon ended with " + process.waitFor() + " before it was ready");
                }
            }
            return (System.nanoTime() - began) / 1e9;
        } finally {
            process.destroy();
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    private Process start(Map<String, String> environment, String... words) throws IOException {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(words));
        command.addAll(List.of("--home", work.resolve("home").toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        return builder.start();
    }
}
