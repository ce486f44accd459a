package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.deploy.ActiveRelease;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.StageRecord;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.modelserver.LmStudioApi;
import dev.adapterferry.modelserver.TinyGguf;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that carry a whole deploy stage (installation of several formats, LM Studio's double, a further folder) are killed with
 * SIGKILL: at a progress report, at a request to LM Studio, or at any time. What they leave is looked at before anything recovers it.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class KilledDeploymentIT {
    private static final int KILLS = 52;
    private static final List<List<String>> FORMATS = List.of(List.of("Q4_K_M", "Q8_0"), List.of("Q4_K_M", "Q5_K_M", "Q8_0"), List.of("Q4_K_M", "Q6_K", "Q8_0"));
    private static final int REQUESTS = 7;

    @TempDir
    Path directory;

    private final Random random = new Random(20260817);
    private Path models;
    private Path share;
    private LmStudioDouble lmStudio;
    private Path file;
    private Settings settings;
    /** Is made ready while its predecessor deploys and is examined. */
    private Process next;
    private int made;
    private int longest = 8;

    @BeforeEach
    void start() throws IOException {
        models = Files.createDirectories(directory.resolve("models"));
        share = Files.createDirectories(directory.resolve("share"));
        lmStudio = new LmStudioDouble(models);
        writeSettings();
        Files.createDirectories(settings.home());
        // Its tables are made once, not by two processes at a time.
        ledger().close();
        next = prepare();
        // What the user keeps beside the releases.
        Files.writeString(Files.createDirectories(models.resolve("acme/majora/notes")).resolve("readme.txt"), "mine");
        Files.writeString(models.resolve("acme/majora/mmproj-majora.gguf"), "projector");
        // A folder that is a link cannot be exchanged.
        Files.createSymbolicLink(models.resolve("acme/linked"), Files.createDirectories(directory.resolve("elsewhere")));
    }

    @AfterEach
    void stop() {
        next.destroyForcibly();
        lmStudio.close();
    }

    private void writeSettings() throws IOException {
        file = Files.writeString(directory.resolve("ferry.yaml"), """
                home: %s
                models:
                  majora: {publisher: acme, formats: [Q4_K_M], context-length: 4096}
                  linked: {publisher: acme, formats: [Q4_K_M], context-length: 4096}
                health: {load-timeout: 30s}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "%s", defaults: false}, folder: %s, clients: false}
                """.formatted(directory.resolve("home"), models, lmStudio.base(), share));
        settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    @Test
    void leavesTheOldReleaseOrTheNewOneWholeAtEveryMoment() throws Exception {
        Map<String, String> old = Map.of();
        Map<String, String> oldShare = Map.of();
        int killed = 0;
        int oldSurvived = 0;
        int newArrived = 0;
        for (int i = 0; killed < KILLS; i++) {
            Run run = make("majora", FORMATS.get(i % FORMATS.size()));
            boolean dead = runAndKill(run, i);
            killed += dead ? 1 : 0;

            // Nothing has recovered anything yet.
            Map<String, String> left = installed(models, "majora");
            assertThat(left).as("the models directory after kill %d", killed).isIn(old, run.files());
            assertThat(installed(share, "majora")).as("the further folder after kill %d", killed).isIn(oldShare, run.files());
            assertWhole(models, old, run.files());
            assertWhole(share, oldShare, run.files());
            assertThat(listed()).as("what LM Studio lists").isEqualTo(variants(left));
            assertThat(models.resolve("acme/majora/notes/readme.txt")).hasContent("mine");
            oldSurvived += dead && left.equals(old) ? 1 : 0;
            newArrived += dead && left.equals(run.files()) ? 1 : 0;

            Map<String, String> recovered = recover("majora");
            assertThat(recovered).as("after the next start").isIn(old, run.files());
            assertThat(hidden(models)).as("leftovers").isEmpty();
            old = recovered;
            oldShare = installed(share, "majora");
        }
        Run last = make("majora", FORMATS.getFirst());
        assertThat(runAndKill(last, -1)).isFalse();
        assertThat(installed(models, "majora")).isEqualTo(installed(share, "majora")).isEqualTo(last.files());
        assertThat(hidden(share)).containsExactly("acme/majora/.release.json");
        System.out.printf("killed %d deploy stages: %d left the old release, %d the new one, none a mixture%n", killed, oldSurvived, newArrived);
        assertThat(oldSurvived).as("killed before the switch").isGreaterThan(5);
        assertThat(newArrived).as("killed after the switch").isGreaterThan(5);
    }

    @Test
    void finishesAtTheNextStartWhereAFolderCannotBeExchanged() throws Exception {
        Map<String, String> old = Map.of();
        for (int killed = 0; killed < 4; ) {
            Run run = make("linked", FORMATS.get(killed % FORMATS.size()));
            boolean dead = runAndKill(run, "hard false", Math.max(1, longest - random.nextInt(7)), 0, 0);
            killed += dead ? 1 : 0;
            assertWhole(directory.resolve("elsewhere"), old, run.files());
            Map<String, String> recovered = recover("linked");
            assertThat(recovered).isIn(old, run.files());
            assertThat(models.resolve("acme/linked")).isSymbolicLink();
            old = recovered;
        }
    }

    private Ledger ledger() {
        return Ledger.open("jdbc:sqlite:" + settings.home().resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
    }

    /** Starts the ferry anew; what is installed then. */
    private Map<String, String> recover(String model) throws IOException {
        try (Ledger ledger = ledger()) {
            ReleaseDesk desk = new ReleaseDesk(settings, ledger, new JdkHttpCaller(), Progress.NONE, new Cancellation());
            desk.recover();
            Map<String, String> installed = installed(models, model);
            ReleaseStore store = desk.store();
            Optional<Integer> active = store.active(model).map(ActiveRelease::number);
            assertThat(ledger.releases().active(model).map(ReleaseEntry::number)).as("the ledger").isEqualTo(active);
            if (active.isPresent()) {
                assertThat(digests(store.get(model, active.get()))).isEqualTo(installed);
                assertThat(ledger.releases().active(model).orElseThrow().files().stream().map(ReleaseEntry.File::sha256)).containsExactlyInAnyOrderElementsOf(installed.values());
            } else {
                assertThat(installed).isEmpty();
            }
            store.releases(model).forEach(release -> store.verify(release, true));
            return installed;
        }
    }

    private static Map<String, String> digests(Release release) {
        return release.files().stream().collect(Collectors.toMap(Release.File::name, Release.File::sha256, (a, b) -> a, TreeMap::new));
    }

    /** What an earlier stage would have left. */
    private record Run(String model, Path folder, Map<String, String> files) { }

    private Run make(String model, List<String> formats) throws IOException {
        made++;
        Path folder = Files.createDirectories(directory.resolve("home/runs/run-" + made));
        List<Facts.Gguf> files = new ArrayList<>();
        for (String format : formats) {
            Path file = TinyGguf.write(folder.resolve(model + "-" + format + ".gguf"), made + format.hashCode() % 1000 / 1000f);
            files.add(new Facts.Gguf(format, new Facts.Item(file, Files.size(file), Sha256.of(file))));
        }
        Facts.Quantized facts = new Facts.Quantized(files, 4, Map.of("adapter", "adapter-" + made, "base", "base"), 1, 1, 1, 0);
        new StageRecord(Stage.QUANTIZE.text(), "key", folder.getFileName().toString(), Instant.now(), Instant.now(), List.of(), Records.map(facts)).writeTo(folder);
        return new Run(model, folder, files.stream().collect(Collectors.toMap(file -> file.item().path().getFileName().toString(), file -> file.item().sha256(), (a, b) -> a, TreeMap::new)));
    }

    /** True when the process was killed before it was done. The choice: a progress report, a request, a time; with links and with copies. */
    private boolean runAndKill(Run run, int choice) throws Exception {
        String how = choice % 2 == 0 ? "hard true" : "copy true";
        return switch (choice % 5) {
            case -1 -> runAndKill(run, how, 0, 0, 0);
            // The switch and what follows it are the last reports.
            case 2 -> runAndKill(run, how, Math.max(1, longest - random.nextInt(9)), 0, 0);
            case 3 -> runAndKill(run, how, 0, 1 + random.nextInt(REQUESTS), 0);
            case 4 -> runAndKill(run, how, 0, 0, 1 + random.nextInt(300));
            default -> runAndKill(run, how, 1 + random.nextInt(longest), 0, 0);
        };
    }

    private Process prepare() throws IOException {
        return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), InterruptedDeployment.class.getName(), file.toString())
                .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve("children.log").toFile())).start();
    }

    private boolean runAndKill(Run run, String how, int report, int request, int millis) throws Exception {
        Process process = next;
        next = prepare();
        process.getOutputStream().write((how + " " + run.model() + " " + run.folder() + " " + report + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
        AtomicInteger requests = new AtomicInteger();
        lmStudio.listener = path -> {
            if (requests.incrementAndGet() == request) {
                process.destroyForcibly();
            }
        };
        try (BufferedReader out = process.inputReader()) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.startsWith("begin") && millis > 0) {
                    process.waitFor(millis, TimeUnit.MILLISECONDS);
                    process.destroyForcibly();
                } else if (line.startsWith("here")) {
                    process.destroyForcibly();
                } else if (line.startsWith("done")) {
                    longest = Integer.parseInt(line.replaceAll(".* ", ""));
                }
            }
        } catch (IOException e) {
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        } finally {
            lmStudio.listener = path -> { };
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(directory.resolve("children.log"))).isIn(0, 137);
        return process.exitValue() == 137;
    }

    /** Names and digests of a model's files where LM Studio would look, without the user's own. */
    private static Map<String, String> installed(Path root, String model) throws IOException {
        Map<String, String> found = new TreeMap<>();
        Path folder = root.resolve("acme").resolve(model);
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".gguf") && !file.getFileName().toString().startsWith("mmproj")).forEach(file -> found.put(file.getFileName().toString(), Sha256.of(file)));
            }
        }
        return found;
    }

    /** Every file that ends in .gguf, wherever it lies, is a whole one of the old release or of the new one. */
    private static void assertWhole(Path root, Map<String, String> old, Map<String, String> fresh) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".gguf") && Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)).toList()) {
                String name = file.getFileName().toString();
                if (name.startsWith("mmproj")) {
                    assertThat(file).hasContent("projector");
                } else {
                    assertThat(Sha256.of(file)).as(file.toString()).isIn(old.get(name), fresh.get(name));
                }
            }
        }
    }

    /** Variants that LM Studio's double shows of the model. */
    private TreeSet<String> listed() {
        TreeSet<String> found = new TreeSet<>();
        for (ListedModel model : new LmStudioApi(lmStudio.endpoint(), new JdkHttpCaller()).models()) {
            assertThat(model.key()).isEqualTo("majora");
            found.addAll(model.variants());
        }
        return found;
    }

    private static TreeSet<String> variants(Map<String, String> files) {
        TreeSet<String> variants = files.keySet().stream().map(name -> "majora@" + name.replaceAll("majora-|\\.gguf", "").toLowerCase(Locale.ROOT)).collect(Collectors.toCollection(TreeSet::new));
        variants.add("majora@majora");
        return variants;
    }

    /** Everything whose name or folder's name begins with a dot. */
    private static List<String> hidden(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.map(file -> root.relativize(file).toString()).filter(name -> name.matches("(.*/)?\\..*")).sorted().toList();
        }
    }
}
