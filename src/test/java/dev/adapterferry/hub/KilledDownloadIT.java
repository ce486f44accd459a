package dev.adapterferry.hub;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.source.AdapterFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kills the downloading process in the middle: the next one goes on, and nothing half-written has a final name. */
class KilledDownloadIT {
    private static final int SHARD = 48 << 20;

    @TempDir
    Path dir;

    private Process start(HubDouble hub, long bytesPerSecond) throws Exception {
        return new ProcessBuilder(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx256m", "-cp", System.getProperty("java.class.path"), DownloadingProcess.class.getName(),
                hub.endpoint().toString(), dir.resolve("cache").toString(), Long.toString(bytesPerSecond))).redirectErrorStream(true).redirectOutput(dir.resolve("log").toFile()).start();
    }

    @Test
    @Timeout(180)
    void goesOnWhereItWasKilled() throws Exception {
        byte[] shard = AdapterFixture.safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + SHARD / 4 + "],\"data_offsets\":[0," + SHARD + "]}}", SHARD, 1);
        Path snapshot = dir.resolve("cache/models--org--tiny/snapshots/" + HubDouble.COMMIT);
        try (HubDouble hub = new HubDouble()) {
            hub.file("config.json", "{}").file("tokenizer.json", "{}").file("model.safetensors", shard);
            Process first = start(hub, 12 << 20);
            long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (journaled() < 20) {
                assertThat(first.isAlive()).as(() -> "the process ended by itself: " + log()).isTrue();
                assertThat(System.nanoTime()).as("waiting for the middle").isLessThan(end);
                first.waitFor(5, TimeUnit.MILLISECONDS);
            }
            first.destroyForcibly().waitFor();
            int kept = journaled();
            assertThat(kept).isLessThan(48);
            assertThat(snapshot.resolve("model.safetensors")).doesNotExist();
            assertThat(dir.resolve("cache/models--org--tiny/refs/main")).doesNotExist();

            long before = hub.served.get();
            Process second = start(hub, 0);
            assertThat(second.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).as(this::log).isZero();
            assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(shard);
            assertThat(hub.served.get() - before).as("what had come is not fetched again").isLessThan(shard.length - (kept - 1L << 20));
        }
    }

    /** Blocks of a MiB that the journal knows. */
    private int journaled() throws Exception {
        Path blobs = dir.resolve("cache/models--org--tiny/blobs");
        if (!Files.isDirectory(blobs)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(blobs)) {
            Path journal = files.filter(f -> f.toString().endsWith(".part.journal")).findFirst().orElse(null);
            return journal == null ? 0 : Math.max(0, Files.readAllLines(journal).size() - 1);
        } catch (java.io.IOException | java.io.UncheckedIOException e) {
            return 0; // it was being renamed
        }
    }

    private String log() {
        try {
            return Files.readString(dir.resolve("log"));
        } catch (java.io.IOException e) {
            return e.toString();
        }
    }
}
