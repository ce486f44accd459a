package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.waiting.Foreground;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A deploy in a process of its own, in the middle of a slow transfer: Ctrl-C, and 'ferry cancel' from elsewhere. */
@DisabledOnOs(OS.WINDOWS)
class InterruptedDeployIT {
    @TempDir
    Path folder;

    private Path settings;

    /** A transfer at this rate takes minutes; what ends earlier was stopped. */
    private void write(DemoMaterial material, DemoInstance instance) throws IOException {
        settings = folder.resolve("ferry.yaml");
        Files.writeString(settings, """
                home: %s
                models:
                  captain: {base: %s, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                quantize: {formats: [Q8_0], primary-format: Q8_0}
                source: {settle: 0, transfer: sftp}
                vast: {ssh-key: %s, known-hosts: %s}
                deploy: {lmstudio: {enabled: never}}
                pipeline: {stages: [download, merge, quantize, deploy], retries: {attempts: 0}}
                """.formatted(folder.resolve("home"), material.base(), instance.port(), material.training(), instance.loginKey(), folder.resolve("known-hosts")));
    }

    private Process deploy() throws IOException {
        List<String> command = Foreground.command();
        command.addAll(List.of(ProcessHandle.current().info().command().orElse("java"), "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx1g",
                "-cp", System.getProperty("java.class.path"), Ferry.class.getName(), "deploy", "captain", "--config", settings.toString(), "--set", "source.bandwidth-limit=1KB"));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("output").toFile()).start();
    }

    private Ledger ledger() {
        return Ledger.open("jdbc:sqlite:" + folder.resolve("home/ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(30));
    }

    private void awaitTransfer(Process process) throws Exception {
        Waiting.until("the transfer is under way", () -> {
            assertThat(process.isAlive()).as(output()).isTrue();
            return isDownloading() && hasPart();
        });
    }

    private boolean isDownloading() {
        if (!Files.exists(folder.resolve("home/ledger.db"))) {
            return false;
        }
        try (Ledger ledger = ledger()) {
            return ledger.runs().in(RunState.RUNNING).stream().anyMatch(run -> ledger.stages().find(run.id(), "download").isPresent());
        }
    }

    private boolean hasPart() throws IOException {
        Path adapters = folder.resolve("home/adapters");
        if (!Files.isDirectory(adapters)) {
            return false;
        }
        try (Stream<Path> files = Files.walk(adapters)) {
            return files.anyMatch(file -> file.getFileName().toString().contains("part"));
        }
    }

    private String output() throws IOException {
        return Files.readString(folder.resolve("output"), StandardCharsets.UTF_8);
    }

    private static void end(Process process) throws InterruptedException {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ended long before the transfer would").isTrue();
    }

    @Test
    void stopsCleanlySaysHowToGoOnAndGoesOn() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        try (DemoInstance instance = DemoInstance.start(folder.resolve("ssh"))) {
            write(material, instance);
            Process interrupted = deploy();
            try {
                awaitTransfer(interrupted);
                assertThat(new ProcessBuilder("kill", "-INT", Long.toString(interrupted.pid())).start().waitFor()).isZero();
                end(interrupted);
            } finally {
                interrupted.destroyForcibly();
            }
            assertThat(interrupted.exitValue()).as(output()).isEqualTo(ExitCode.INTERRUPTED);
            assertThat(output()).contains("interrupted").contains("The same command goes on");
            assertNewest(RunState.CANCELLED);

            Process cancelled = deploy();
            try {
                awaitTransfer(cancelled);
                String id;
                try (Ledger ledger = ledger()) {
                    id = ledger.runs().in(RunState.RUNNING).getFirst().id();
                }
                FerryCall cancel = FerryCall.of("cancel", id, "--config", settings.toString());
                assertThat(cancel.code()).as(cancel.all()).isEqualTo(ExitCode.DONE);
                assertThat(cancel.out()).contains("run " + id + ": cancelled");
                end(cancelled);
            } finally {
                cancelled.destroyForcibly();
            }
            assertThat(cancelled.exitValue()).as(output()).isEqualTo(ExitCode.INTERRUPTED);
            assertNewest(RunState.CANCELLED);

            FerryCall again = FerryCall.of("deploy", "captain", "--config", settings.toString());
            assertThat(again.code()).as(again.all()).isEqualTo(ExitCode.DONE);
            assertNewest(RunState.DONE);
        }
    }

    private void assertNewest(RunState state) {
        try (Ledger ledger = ledger()) {
            Run run = ledger.runs().newest(1).getFirst();
            assertThat(run.state()).as(run.error().orElse("")).isEqualTo(state);
            assertThat(ledger.locks().holder("model captain")).isEmpty();
        }
    }
}
