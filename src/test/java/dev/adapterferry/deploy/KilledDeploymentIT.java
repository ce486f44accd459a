package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.files.Sha256;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills deploying processes with SIGKILL and looks at what they leave. */
class KilledDeploymentIT {
    private static final int KILLS = 52;

    /** Only what a deployment needs: half of the time of these processes is their start. */
    private static final String CLASSPATH = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.matches(".*(classes|adapter-ferry[^/\\\\]*jar|jackson-[^/\\\\]*jar|slf4j-api[^/\\\\]*jar)[/\\\\]?")).collect(Collectors.joining(File.pathSeparator));

    @TempDir
    Path directory;

    private final Random random = new Random(20260817);

    @Test
    void leavesTheOldReleaseOrTheNewOneWhereverItIsKilled() throws Exception {
        ModelFolder folder = new ModelFolder(Files.createDirectories(directory.resolve("models")), "acme", "majora");
        ReleaseStore store = new ReleaseStore(directory.resolve("releases"));
        Installation installation = new Installation(folder, store, Installation.Options.of(3));
        Map<String, String> old = new TreeMap<>();
        int killed = 0;
        int oldSurvived = 0;
        int newArrived = 0;
        int half = 0;
        List<String> formats = List.of("Q4_K_M");
        for (int i = 0; killed < KILLS; i++) {
            formats = i % 3 == 0 ? List.of("Q4_K_M") : List.of("Q4_K_M", i % 2 == 0 ? "Q5_K_M" : "Q6_K", "Q8_0");
            List<Path> files = build(i, formats);
            Map<String, String> fresh = new TreeMap<>();
            files.forEach(file -> fresh.put(file.getFileName().toString(), Sha256.of(file)));
            // Every tenth process is killed at a random time instead of at a random point.
            boolean timed = i % 10 == 9;
            boolean dead = runAndKill(folder, store, i % 2 == 0 ? "AUTO" : "COPY", timed ? 0 : 1 + random.nextInt(reports(i % 2 == 0, formats.size())), timed, files);
            killed += dead ? 1 : 0;

            Map<String, String> left = ggufs(folder);
            Map<String, String> former = old;
            left.forEach((name, sha256) -> assertThat(sha256).as("%s is whole", name).isIn(former.get(name), fresh.get(name)));
            if (old.keySet().equals(fresh.keySet()) && fresh.size() == 1) {
                assertThat(left).as("one file switches at one instant").isIn(old, fresh);
            }
            half += left.equals(old) || left.equals(fresh) ? 0 : 1;

            installation.recover("majora");
            Map<String, String> recovered = ggufs(folder);
            assertThat(recovered).as("after the next start").isIn(old, fresh);
            assertThat(everything(folder)).as("no leftovers").isEqualTo(recovered.keySet().stream().toList());
            if (!recovered.isEmpty()) {
                Release active = store.get("majora", store.active("majora").orElseThrow().number());
                active.files().forEach(file -> assertThat(file.sha256()).isEqualTo(recovered.get(file.name())));
                store.releases("majora").forEach(release -> store.verify(release, true));
            }
            oldSurvived += recovered.equals(old) && !recovered.equals(fresh) ? 1 : 0;
            newArrived += dead && recovered.equals(fresh) ? 1 : 0;
            old = recovered;
        }
        System.out.printf("killed %d processes: %d left the old release, %d the new one; %d of these were half way and were finished by the next start%n", killed, oldSurvived, newArrived, half);
        assertThat(oldSurvived).as("killed before the switch").isPositive();
        assertThat(newArrived).as("killed during or after the switch").isPositive();
    }


    /** How often a deployment reports: hashing each file, copying and reading back when it copies, then the switch. */
    private static int reports(boolean linking, int files) {
        return files * (linking ? 2 : 4) + 3;
    }

    private List<Path> build(int number, List<String> formats) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String format : formats) {
            byte[] bytes = new byte[100_000];
            random.nextBytes(bytes);
            files.add(Files.write(Files.createDirectories(directory.resolve("runs/" + number)).resolve("majora-" + format + ".gguf"), bytes));
        }
        return files;
    }

    /** True when the process was killed before it was done. */
    private boolean runAndKill(ModelFolder folder, ReleaseStore store, String way, int stopAt, boolean timed, List<Path> files) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
                "-cp", CLASSPATH, InterruptedDeployment.class.getName(), folder.models().toString(), store.root().toString(), way, Integer.toString(stopAt)));
        files.forEach(file -> command.add(file.toString()));
        File log = directory.resolve("child.log").toFile();
        Process process = new ProcessBuilder(command).redirectError(log).start();
        try (BufferedReader out = process.inputReader()) {
            for (String line = out.readLine(); line != null && !line.startsWith("here"); line = out.readLine()) {
                if (line.startsWith("begin") && timed) {
                    process.waitFor(random.nextInt(400), TimeUnit.MILLISECONDS);
                    break;
                }
                if (line.startsWith("done")) {
                    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
                    assertThat(process.exitValue()).isZero();
                    return false;
                }
            }
            process.destroyForcibly();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log.toPath())).isIn(0, 137);
            return process.exitValue() == 137;
        }
    }

    private static Map<String, String> ggufs(ModelFolder folder) throws IOException {
        Map<String, String> found = new TreeMap<>();
        for (String name : everything(folder)) {
            if (name.endsWith(".gguf")) {
                found.put(name, Sha256.of(folder.path().resolve(name)));
            }
        }
        return found;
    }

    private static List<String> everything(ModelFolder folder) throws IOException {
        if (!Files.exists(folder.path())) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder.path())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
