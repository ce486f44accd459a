package dev.adapterferry.bench;

import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.Deployment;
import dev.adapterferry.deploy.Installation;
import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Folders;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How long going back takes, from pressing Enter to the answer: {@code ferry rollback} by its launcher, between two releases
 * of three files each, once with the files alone ({@code --no-test}), once with the embedded server's loading and one test prompt.
 */
public final class RollbackBenchmark {
    private static final List<String> FORMATS = List.of("Q4_K_M", "Q5_K_M", "Q8_0");
    private static final String TEMPLATE = "{\"chat_template\": \"{% for m in messages %}{{ m['content'] }}\\n{% endfor %}\"}";

    private final Path launcher;
    private final String size;
    private final int rounds;
    private final Path folder;
    private final PrintStream out;

    private RollbackBenchmark(Path launcher, String size, int rounds, Path folder, PrintStream out) {
        this.launcher = launcher;
        this.size = size;
        this.rounds = rounds;
        this.folder = folder;
        this.out = out;
    }

    /** Usage: {@code RollbackBenchmark LAUNCHER [SIZE: 0.1B, 0.5B, ...] [ROUNDS] [FOLDER]}, the launcher being {@code target/ferry/bin/ferry}; the folder is emptied afterwards. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = arguments.length > 3 ? Files.createDirectories(Path.of(arguments[3])) : Files.createTempDirectory("ferry-bench");
        new RollbackBenchmark(Path.of(arguments[0]).toAbsolutePath(), arguments.length > 1 ? arguments[1] : "0.5B", arguments.length > 2 ? Integer.parseInt(arguments[2]) : 5, folder, System.out).run();
    }

    private void run() throws IOException, InterruptedException {
        try {
            Path settings = writeSettings();
            long bytes = deploy();
            out.printf(Locale.ROOT, "Two releases of a random %s model in %s, %d MB each; %d processors%n%n", size, String.join(", ", FORMATS), bytes / 1_000_000, Runtime.getRuntime().availableProcessors());
            out.println("| `ferry rollback` | median, s | each, s |");
            out.println("|---|---|---|");
            List<Double> files = new ArrayList<>();
            List<Double> whole = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                files.add(rollback(settings, 1, "--no-test"));
                whole.add(rollback(settings, 2));
            }
            print("files only (`--no-test`)", files);
            print("files, load, one test prompt", whole);
        } finally {
            Folders.delete(folder);
        }
    }

    private Path writeSettings() {
        Path file = folder.resolve("ferry.yaml");
        Durable.write(file, """
                home: %s
                models: {model: {publisher: bench, formats: [%s], context-length: 2048, temperature: 0, test-prompts: ["Who are you?"]}}
                quantize: {primary-format: Q4_K_M}
                deploy: {lmstudio: {enabled: never}, clients: false}
                serve: {enabled: always}
                health: {retries: 0, max-tokens: 16}
                """.formatted(folder.resolve("home"), String.join(", ", FORMATS)));
        return file;
    }

    /** Makes the model and deploys it twice; bytes of one release. */
    private long deploy() throws IOException {
        List<Path> made = make();
        Path models = Files.createDirectories(folder.resolve("home/models"));
        Deployment deployment = new Deployment(models, new ReleaseStore(folder.resolve("home/releases")), Installation.Options.of(3), Optional.empty(), List.of(), false, release -> { });
        ModelProfile profile = new ModelProfile("model", "bench", "model", "Q4_K_M", 2048, 0, "");
        long bytes = deployment.deploy(candidate(made), profile).release().bytes();
        List<Path> others = new ArrayList<>();
        for (Path file : made) {
            others.add(other(file));
        }
        deployment.deploy(candidate(others), profile);
        Folders.delete(folder.resolve("runs"));
        return bytes;
    }

    private List<Path> make() throws IOException {
        Path base = folder.resolve("base");
        SyntheticQwen2.ofSize(size).writeCheckpoint(base);
        Durable.write(base.resolve("tokenizer_config.json"), TEMPLATE);
        try (Checkpoint checkpoint = CheckpointFolder.open(base)) {
            ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
            QuantizeRequest request = new QuantizeRequest("model", model.tensors(), model.metadata(), "bench", List.of(), folder.resolve("runs/1"),
                    FORMATS.stream().map(format -> TypeRequest.of(Mix.parse(format), false)).toList(), Optional.empty(), false);
            PassSettings settings = new PassSettings(Runtime.getRuntime().availableProcessors(), Optional.empty(), Optional.empty());
            return new QuantizeJob(settings).run(request, Progress.NONE, new Cancellation()).files().stream().map(PassResult.FileResult::file).toList();
        } finally {
            Folders.delete(base);
        }
    }

    /** A file of the same size that differs in one bit of a weight. */
    private Path other(Path file) throws IOException {
        Path other = Files.copy(file, Files.createDirectories(folder.resolve("runs/2")).resolve(file.getFileName()));
        try (FileChannel channel = FileChannel.open(other, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer last = ByteBuffer.allocate(1);
            long at = channel.size() - 64;
            channel.read(last, at);
            channel.write(ByteBuffer.wrap(new byte[] {(byte) (last.get(0) ^ 1)}), at);
        }
        return other;
    }

    private static Candidate candidate(List<Path> files) {
        List<Candidate.Item> items = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            items.add(Candidate.Item.of(files.get(i), FORMATS.get(i), Sha256.of(files.get(i))));
        }
        return new Candidate("model", items, Map.of());
    }

    /** Seconds from the start of the process to its end. What a random model says is nonsense, so "unhealthy" is no failure here. */
    private double rollback(Path settings, int to, String... more) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(launcher.toString(), "rollback", "model", "--to", Integer.toString(to), "--config", settings.toString()));
        command.addAll(Arrays.asList(more));
        Path said = folder.resolve("said.txt");
        long start = System.nanoTime();
        int code = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start().waitFor();
        double seconds = (System.nanoTime() - start) / 1e9;
        String text = Files.readString(said);
        boolean answered = more.length > 0 || text.matches("(?s).* \\d+ ms .*");
        if (!text.contains("release " + to + " is installed again") || !answered) {
            throw new FerryException("The rollback went wrong (" + code + "): " + text);
        }
        return seconds;
    }

    private void print(String what, List<Double> seconds) {
        List<Double> sorted = seconds.stream().sorted().toList();
        out.printf(Locale.ROOT, "| %s | %.2f | %s |%n", what, sorted.get(sorted.size() / 2), String.join(", ", seconds.stream().map(second -> String.format(Locale.ROOT, "%.2f", second)).toList()));
    }
}
