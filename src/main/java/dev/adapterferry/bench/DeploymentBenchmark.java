package dev.adapterferry.bench;

import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.Deployment;
import dev.adapterferry.deploy.Installation;
import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.Placement;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.files.Folders;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;

/**
 * What releases cost: the time of a deployment and of a rollback, and the disk that N kept releases occupy, for each way into the
 * models directory. The files are whole GGUF files of random content; no server is asked, so this is the files' part alone.
 */
public final class DeploymentBenchmark {
    private static final List<String> FORMATS = List.of("Q4_K_M", "Q5_K_M", "Q8_0");
    private static final ModelProfile PROFILE = new ModelProfile("model", "bench", "model", "Q4_K_M", 4096, 0.7, "");
    private static final int BLOCK = 8 << 20;

    private final long megabytes;
    private final int releases;
    private final Path folder;
    private final PrintStream out;

    private DeploymentBenchmark(long megabytes, int releases, Path folder, PrintStream out) {
        this.megabytes = megabytes;
        this.releases = releases;
        this.folder = folder;
        this.out = out;
    }

    /** Usage: {@code DeploymentBenchmark [MEGABYTES PER FILE] [RELEASES] [FOLDER]}; the folder is emptied afterwards. */
    public static void main(String[] arguments) throws IOException {
        Path folder = arguments.length > 2 ? Files.createDirectories(Path.of(arguments[2])) : Files.createTempDirectory("ferry-bench");
        new DeploymentBenchmark(arguments.length > 0 ? Long.parseLong(arguments[0]) : 256, arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3, folder, System.out).run();
    }

    private void run() throws IOException {
        out.printf(Locale.ROOT, "%d releases of %d files, %d MB each; %d processors%n%n", releases, FORMATS.size(), megabytes, Runtime.getRuntime().availableProcessors());
        out.println("| way | deployment, s | rollback, s | installed, MB | all kept releases beside it, MB |");
        out.println("|---|---|---|---|---|");
        for (Placement.Way way : List.of(Placement.Way.AUTO, Placement.Way.COPY, Placement.Way.REFLINK)) {
            measure(way);
        }
    }

    private void measure(Placement.Way way) throws IOException {
        Path place = Files.createDirectories(folder.resolve(way.name()));
        try {
            Path models = Files.createDirectories(place.resolve("models"));
            ReleaseStore store = new ReleaseStore(place.resolve("releases"));
            Installation.Options usual = Installation.Options.of(releases);
            Deployment deployment = new Deployment(models, store, new Installation.Options(way, releases, () -> { }, usual.freeBytes(), Clock.systemUTC(), Progress.NONE, new Cancellation()),
                    Optional.empty(), List.of(), false, release -> { });
            double deploying = 0;
            for (int number = 1; number <= releases; number++) {
                Candidate candidate = candidate(place.resolve("runs/" + number), number);
                long start = System.nanoTime();
                deployment.deploy(candidate, PROFILE);
                deploying = seconds(start);
                // As the ferry does after a run: what was made is kept by the release alone.
                Folders.delete(place.resolve("runs/" + number));
            }
            long start = System.nanoTime();
            deployment.rollback(PROFILE, OptionalInt.empty());
            double back = seconds(start);
            Set<Object> counted = new HashSet<>();
            long installed = occupied(models, counted);
            long kept = occupied(store.root(), counted);
            out.printf(Locale.ROOT, "| %s | %.2f | %.3f | %d | %d |%n", name(way), deploying, back, installed / 1_000_000, kept / 1_000_000);
        } finally {
            Folders.delete(place);
        }
    }

    private static String name(Placement.Way way) {
        return switch (way) {
            case AUTO -> "hard (default)";
            case REFLINK -> "reflink (copies where the file system cannot)";
            default -> way.name().toLowerCase(Locale.ROOT);
        };
    }

    private Candidate candidate(Path runs, int seed) throws IOException {
        List<Candidate.Item> items = new ArrayList<>();
        for (String format : FORMATS) {
            Path file = Files.createDirectories(runs).resolve("model-" + format + ".gguf");
            write(file, seed);
            items.add(Candidate.Item.of(file, format, Sha256.of(file)));
        }
        return new Candidate("model", items, Map.of());
    }

    private void write(Path file, int seed) throws IOException {
        long bytes = megabytes * 1_000_000 / 4 * 4;
        TensorInfo tensor = new TensorInfo("token_embd.weight", GgmlType.F32, List.of(bytes / 4));
        GgufPlan plan = GgufPlan.of(new GgufMetadata().putString("general.architecture", "qwen2").putString("general.name", "benchmark"), List.of(tensor), info -> GgmlType.F32);
        byte[] block = new byte[BLOCK];
        new Random(seed).nextBytes(block);
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            for (long at = 0; at < bytes; at += BLOCK) {
                writer.write(0, at, ByteBuffer.wrap(block, 0, (int) Math.min(BLOCK, bytes - at)));
            }
            writer.force();
        }
    }

    /** Bytes of a tree's files; one that was counted already, under whatever name, is free. */
    private static long occupied(Path root, Set<Object> counted) throws IOException {
        long[] bytes = {0};
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                bytes[0] += counted.add(attributes.fileKey() == null ? file : attributes.fileKey()) ? attributes.size() : 0;
                return FileVisitResult.CONTINUE;
            }
        });
        return bytes[0];
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
