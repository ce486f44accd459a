package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.pass.Journalled;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands in processes of their own that are killed without warning, and the same commands again. */
class KilledCommandsIT {
    /** Of so many small tensors that a pass has a checkpoint long before it ends. */
    private static final SyntheticQwen2 MODEL = new SyntheticQwen2("0.01B", 256, 16, 256, 4, 2, 1024);

    private static final Path KILL = Path.of("/bin/kill");

    @TempDir
    static Path folder;

    private static Path base;
    private static Path adapter;

    @BeforeAll
    static void generate() throws IOException {
        base = folder.resolve("base");
        adapter = folder.resolve("adapter");
        MODEL.writeCheckpoint(base);
        MODEL.writeAdapter(adapter, 8, base.toString());
    }

    private static ProcessBuilder ferry(String... arguments) {
        List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"), "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                "-Xmx1g", "-cp", System.getProperty("java.class.path"), Ferry.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command);
    }

    /** Starts a command, and kills it as soon as it has come so far. */
    private static void killed(Callable<Boolean> far, String... arguments) throws Exception {
        killed(far, () -> { }, arguments);
    }

    /** The same, and something that is done while the process stands still, before it is killed. */
    private static void killed(Callable<Boolean> far, Runnable meanwhile, String... arguments) throws Exception {
        Path log = folder.resolve("log");
        Process process = ferry(arguments).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        try {
            Waiting.until("it has come far enough to be killed", () -> {
                assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
                return far.call();
            });
            if (Files.isExecutable(KILL)) {
                assertThat(new ProcessBuilder(KILL.toString(), "-STOP", Long.toString(process.pid())).start().waitFor()).isZero();
                meanwhile.run();
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** What a command prints that ends well. */
    private static JsonNode ended(String... arguments) throws Exception {
        Path log = folder.resolve("log");
        Process process = ferry(arguments).redirectError(log.toFile()).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Files.readString(log)).isEqualTo(ExitCode.DONE);
        return new ObjectMapper().readTree(out);
    }

    private String[] quantize(Path out) {
        return new String[] {"quantize", base.toString(), "--adapter", adapter.toString(), "--out", out.toString(), "--formats", "Q4_K_M,Q8_0", "--threads", "1", "--name", "m", "--json", "--sha256",
                "--set", "home=" + folder.resolve("home"), "--set", "quantize.cache-size=0"};
    }

    @Test
    void aKilledQuantizeGoesOnAndEndsWithTheSameBytes() throws Exception {
        Path out = folder.resolve("gguf");
        Path journal = out.resolve("m-Q4_K_M.gguf.journal");
        killed(() -> Journalled.blocks(journal) > 0, quantize(out));
        try (Stream<Path> files = Files.list(out)) {
            assertThat(files).as("nothing under a final name").noneMatch(file -> file.toString().endsWith(".gguf"));
        }
        long held = Journalled.blocks(journal);
        JsonNode resumed = ended(quantize(out));
        String said = Files.readString(folder.resolve("log"));
        FerryCall fresh = FerryCall.of(quantize(folder.resolve("fresh-gguf")));
        assertThat(fresh.code()).as(fresh.all()).isEqualTo(ExitCode.DONE);
        JsonNode whole = new ObjectMapper().readTree(fresh.out());
        List<Path> files = resumed.path("files").findValuesAsText("file").stream().map(Path::of).toList();
        assertThat(resumed.path("resumedBytes").asLong()).as("what was done is not done again: " + said).isPositive().isEqualTo(Journalled.bytes(held, files));
        assertThat(whole.path("resumedBytes").asLong()).isZero();
        assertThat(resumed.path("files").findValuesAsText("sha256")).hasSize(2).isEqualTo(whole.path("files").findValuesAsText("sha256"));
    }

    private String[] merge(Path out) {
        return new String[] {"merge", "--base", base.toString(), "--adapter", adapter.toString(), "--out", out.toString(), "--set", "home=" + folder.resolve("home")};
    }

    @Test
    void aKilledMergeGoesOnAndEndsWithTheSameBytes() throws Exception {
        Path out = folder.resolve("merged");
        Path journal = folder.resolve(".merged.partial/merge-journal.jsonl");
        killed(() -> Files.exists(journal) && Files.readAllLines(journal).size() > 1, () -> {
            FerryCall second = FerryCall.of(merge(out));
            assertThat(second.code()).as(second.all()).isEqualTo(ExitCode.FAILED);
            assertThat(second.err()).contains("Something else is working on the merged checkpoint " + out);
        }, merge(out));
        assertThat(out).doesNotExist();
        assertThat(journal).as("what is written is known").exists();
        FerryCall again = FerryCall.of(merge(out));
        assertThat(again.code()).as(again.all()).isEqualTo(ExitCode.DONE);
        assertThat(folder.resolve(".merged.partial")).doesNotExist();
        FerryCall fresh = FerryCall.of(merge(folder.resolve("fresh")));
        assertThat(fresh.code()).as(fresh.all()).isEqualTo(ExitCode.DONE);
        assertThat(out.resolve("model.safetensors")).hasSameBinaryContentAs(folder.resolve("fresh/model.safetensors"));
    }
}
