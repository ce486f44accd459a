package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.transfer.FaultProxy;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kills the pulling process in the middle of 1 GiB, three times: the fourth ends it, and hardly a byte is sent twice. */
class KilledPullIT {
    private static final long GIB = 1L << 30;

    @TempDir
    Path dir;

    /** A sparse file with random bytes in every MiB, so that nothing can lie at another place unnoticed. */
    private static void writeWeights(Path file) throws Exception {
        long data = GIB - 1024;
        String header = "{\"m.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[1," + data / 8 + "],\"data_offsets\":[0," + data / 2 + "]},\"m.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":["
                + data / 8 + ",1],\"data_offsets\":[" + data / 2 + "," + data + "]}}";
        byte[] json = (header + " ".repeat(1016 - header.length())).getBytes(StandardCharsets.UTF_8);
        Random random = new Random(11);
        byte[] some = new byte[2048];
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(GIB);
            out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
            out.write(json);
            for (long at = 512 << 10; at < GIB; at += 1 << 20) {
                random.nextBytes(some);
                out.seek(at);
                out.write(some);
            }
        }
    }

    private Process start(OpenSshServer server, FaultProxy proxy, Path remote) throws Exception {
        return new ProcessBuilder(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx256m", "-cp", System.getProperty("java.class.path"), PullingProcess.class.getName(),
                Integer.toString(proxy.port()), server.key().toString(), dir.toString(), remote.toString(), dir.resolve("home/majora").toString()))
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(dir.resolve("log").toFile())).start();
    }

    @Test
    @Timeout(900)
    void threeKillsCostLessThanAFewPerCent() throws Exception {
        Path remote = dir.resolve("remote");
        AdapterFixture fixture = new AdapterFixture(remote);
        writeWeights(remote.resolve("adapter_model.safetensors"));
        fixture.file("", "adapter_config.json", AdapterFixture.config(true));
        Files.setLastModifiedTime(remote.resolve("adapter_config.json"), FileTime.from(Instant.now().plusSeconds(60)));
        Path done = dir.resolve("home/majora/adapter_model.safetensors");
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); FaultProxy proxy = new FaultProxy(server.port())) {
            for (int kill = 1; kill <= 3; kill++) {
                Process process = start(server, proxy, remote);
                long end = System.nanoTime() + Duration.ofSeconds(180).toNanos();
                while (proxy.fromServer() < kill * GIB / 4) {
                    assertThat(process.isAlive()).as(() -> "the process ended by itself: " + log()).isTrue();
                    assertThat(System.nanoTime()).as("waiting for a quarter").isLessThan(end);
                    process.waitFor(2, TimeUnit.MILLISECONDS);
                }
                process.destroyForcibly().waitFor();
                assertThat(done).doesNotExist();
            }
            Process last = start(server, proxy, remote);
            assertThat(last.waitFor(300, TimeUnit.SECONDS)).isTrue();
            assertThat(last.exitValue()).as(this::log).isZero();
            assertThat(Files.mismatch(done, remote.resolve("adapter_model.safetensors"))).isEqualTo(-1);
            assertThat(proxy.fromServer()).as("bytes that the server has sent, with the protocol around them").isBetween(GIB, GIB + GIB / 20);
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
