package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files dropped into the inbox of the daemon with its real route files. */
class WatchFolderIT {
    private static final String MODELS = "  majora: {formats: [Q8_0]}\n  nayru: {formats: [Q8_0]}";

    @TempDir
    Path folder;

    private final List<String> carried = new CopyOnWriteArrayList<>();

    private StubbedDaemon daemon(Map<Stage, Consumer<RunContext>> work) throws IOException {
        return new StubbedDaemon(folder, MODELS, "", work);
    }

    @Test
    void overridesReachTheRun() throws Exception {
        try (StubbedDaemon daemon = daemon(Map.of(Stage.DOWNLOAD, run -> carried.add("download"), Stage.MERGE, run -> carried.add("merge"), Stage.DEPLOY, run -> carried.add("deploy")))) {
            Files.createDirectories(daemon.inbox());
            Files.writeString(daemon.inbox().resolve("majora.yaml"), "instance: 4711\nformats: [Q4_K_M]\nstages: [download, merge]\n");
            StubbedDaemon.await("the run", () -> daemon.ended("majora"));
            Run run = daemon.run("majora");
            RunRequest request = RunDesk.request(run);
            assertThat(request.instanceId()).isEqualTo("4711");
            assertThat(request.formats()).containsExactly("Q4_K_M");
            assertThat(carried).containsExactly("download", "merge");
            assertThat(run.state()).isEqualTo(RunState.DONE);
            assertThat(daemon.inbox().resolve(".done/majora.yaml." + run.id())).exists();
        }
    }

    @Test
    void aFileThatIsStillBeingWrittenWaits() throws Exception {
        try (StubbedDaemon daemon = daemon(Map.of())) {
            Files.createDirectories(daemon.inbox());
            Path file = daemon.inbox().resolve("majora.yaml");
            try (OutputStream out = Files.newOutputStream(file)) {
                out.write("formats: [Q4_K_M,\n".getBytes(StandardCharsets.UTF_8));
                // The clock of the file is kept ahead, as a writer that never pauses keeps it.
                Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(3600)));
                daemon.drop("nayru");
                StubbedDaemon.await("another file, dropped later", () -> daemon.ended("nayru"));
                assertThat(daemon.ledger().runs().of("majora", 5)).isEmpty();
                assertThat(file).exists();
                out.write(" Q8_0]\n".getBytes(StandardCharsets.UTF_8));
            }
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            StubbedDaemon.await("the finished file", () -> daemon.ended("majora"));
            assertThat(RunDesk.request(daemon.run("majora")).formats()).containsExactly("Q4_K_M", "Q8_0");
        }
    }

    @Test
    void theSameNameAgainJoinsTheRunThatIsUnderWay() throws Exception {
        CountDownLatch merging = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        try (StubbedDaemon daemon = daemon(Map.of(Stage.MERGE, run -> {
            merging.countDown();
            Waiting.behind(goOn);
        }))) {
            daemon.drop("majora");
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            String run = daemon.run("majora").id();
            daemon.drop("majora");
            StubbedDaemon.await("the second file", () -> !Files.exists(daemon.inbox().resolve("majora")));
            StubbedDaemon.await("the event", () -> daemon.ledger().events().of(run, 0, 100).stream().anyMatch(event -> event.kind().equals("joined")));
            goOn.countDown();
            StubbedDaemon.await("the end", () -> daemon.ended("majora"));
            assertThat(daemon.run("majora").id()).isEqualTo(run);
        }
    }

    @Test
    void refusesWhatIsNoRequestWithAReasonBesideItAndOneAlert() throws Exception {
        Map<String, byte[]> bad = new LinkedHashMap<>();
        bad.put("nobody", new byte[0]);
        bad.put("majora.yaml", "formats: [Q4_K_M\n".getBytes(StandardCharsets.UTF_8));
        bad.put("nayru.yaml", "colour: red\n".getBytes(StandardCharsets.UTF_8));
        bad.put("majora.yml", "stages: [dance]\n".getBytes(StandardCharsets.UTF_8));
        bad.put("nayru.yml", "formats: [Q9_9]\n".getBytes(StandardCharsets.UTF_8));
        bad.put("binary", new byte[] {0x7f, 'E', 'L', 'F', 0, 1, 2, (byte) 0xff});
        bad.put("huge", "#".repeat(200_000).getBytes(StandardCharsets.UTF_8));
        bad.put("-rf $(reboot) ;'\"", new byte[0]);
        bad.put("${body}", new byte[0]);
        bad.put("line\nbreak", new byte[0]);
        bad.put("м\u0430jora", new byte[0]);
        bad.put("n".repeat(250), new byte[0]);
        try (StubbedDaemon daemon = daemon(Map.of(Stage.DOWNLOAD, run -> carried.add(run.name())))) {
            Path inbox = Files.createDirectories(daemon.inbox());
            for (Map.Entry<String, byte[]> each : bad.entrySet()) {
                Path part = folder.resolve("part");
                Files.write(part, each.getValue());
                Files.move(part, inbox.resolve(each.getKey()));
            }
            Path link = Files.createSymbolicLink(inbox.resolve("linked"), folder.resolve("ferry.yaml"));
            StubbedDaemon.await("the refusals", () -> daemon.alerts.size() >= bad.size() + 1 && reasons(daemon) == bad.size() + 1);
            for (String name : bad.keySet()) {
                assertThat(inbox.resolve(name)).doesNotExist();
                assertThat(inbox.resolve(".failed").resolve(name)).exists();
                String told = name.length() > 200 ? name.substring(0, 55) : name;
                assertThat(Files.readString(inbox.resolve(".failed").resolve(told + ".reason.txt"))).as(name).isNotBlank();
            }
            assertThat(link).doesNotExist();
            assertThat(Files.readString(inbox.resolve(".failed/nobody.reason.txt"))).contains("nobody").contains("majora");
            assertThat(Files.readString(inbox.resolve(".failed/majora.yaml.reason.txt"))).contains("line");
            assertThat(Files.readString(inbox.resolve(".failed/nayru.yaml.reason.txt"))).contains("colour").contains("formats");
            assertThat(Files.readString(inbox.resolve(".failed/majora.yml.reason.txt"))).contains("dance").contains("quantize");
            assertThat(Files.readString(inbox.resolve(".failed/nayru.yml.reason.txt"))).contains("Q9_9");
            daemon.drop("majora");
            StubbedDaemon.await("a run after all that", () -> daemon.ended("majora"));
            assertThat(carried).containsExactly("majora");
            assertThat(daemon.alerts).hasSize(bad.size() + 1);
        }
    }

    private static long reasons(StubbedDaemon daemon) {
        try (var files = Files.list(daemon.inbox().resolve(".failed"))) {
            return files.filter(file -> file.getFileName().toString().endsWith(".reason.txt")).count();
        } catch (IOException e) {
            return 0;
        }
    }

    @Test
    void carriesAThousandNamesOnceEachInTheOrderOfTheirArrival() throws Exception {
        int count = 1000;
        String models = IntStream.range(0, count).mapToObj(i -> "  m%04d: {formats: [Q8_0]}".formatted(i)).collect(Collectors.joining("\n"));
        List<Long> used = new CopyOnWriteArrayList<>();
        try (StubbedDaemon daemon = new StubbedDaemon(folder, models, "pipeline: {stages: [download, merge]}\n", Map.of(Stage.MERGE, run -> {
            carried.add(run.name());
            if (carried.size() % 100 == 0) {
                used.add(usedAfterCollection());
            }
        }))) {
            Files.createDirectories(daemon.inbox());
            long began = System.nanoTime();
            for (int i = 0; i < count; i++) {
                Path file = Files.createFile(folder.resolve("part"));
                // Arrival in the order of the names, told apart whatever the file system's clock can.
                Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(3600).plusMillis(i)));
                Files.move(file, daemon.inbox().resolve("m%04d".formatted(i)));
            }
            StubbedDaemon.await("a thousand runs", () -> daemon.ledger().runs().in(RunState.DONE).size() == count);
            System.out.printf("1,000 names: %.1f s; heap in use after each hundred, MB: %s%n", (System.nanoTime() - began) / 1e9, used.stream().map(bytes -> bytes >> 20).toList());
            assertThat(carried).doesNotHaveDuplicates().hasSize(count);
            assertThat(daemon.ledger().runs().newest(2 * count)).hasSize(count);
            // Fair: looks at the folder may split the crowd, but nobody is overtaken by more than one look's worth.
            for (int i = 0; i < count; i++) {
                assertThat(Math.abs(Integer.parseInt(carried.get(i).substring(1)) - i)).as("place of " + carried.get(i)).isLessThan(count / 4);
            }
            assertThat(used.getLast()).as("heap after the last hundred, against the third: " + used).isLessThan(used.get(2) + (64L << 20));
        }
    }

    private static long usedAfterCollection() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
