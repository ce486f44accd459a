package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.cli.ExitCode;
import dev.adapterferry.cli.Ferry;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.waiting.Foreground;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry deploy} in a process of its own, following a run that the daemon carries: Ctrl-C, and a cancellation from elsewhere. */
@DisabledOnOs(OS.WINDOWS)
class FollowedRunIT {
    @TempDir
    Path folder;

    private Process follow(StubbedDaemon daemon, String output) throws IOException {
        List<String> command = Foreground.command();
        command.addAll(List.of(ProcessHandle.current().info().command().orElse("java"), "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-cp", System.getProperty("java.class.path"), Ferry.class.getName(), "deploy", "majora", "--config", daemon.config.toString()));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve(output).toFile()).start();
    }

    private static long joined(StubbedDaemon daemon, String run) {
        return daemon.ledger().events().of(run, 0, 100).stream().filter(event -> event.kind().equals("joined")).count();
    }

    @Test
    void leavesTheRunAloneWhenItIsInterruptedAndEndsWithItWhenThatIsCancelled() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, "  majora: {}", "", Map.of(Stage.DOWNLOAD, run -> run.cancellation().pause("a long download", Duration.ofHours(1))))) {
            daemon.drop("majora");
            StubbedDaemon.await("the daemon's run", () -> daemon.ledger().runs().in(RunState.RUNNING).size() == 1);
            String run = daemon.run("majora").id();

            Process interrupted = follow(daemon, "interrupted");
            Process cancelled = follow(daemon, "cancelled");
            try {
                StubbedDaemon.await("both followers", () -> joined(daemon, run) == 2);
                assertThat(new ProcessBuilder("kill", "-INT", Long.toString(interrupted.pid())).start().waitFor()).isZero();
                assertThat(interrupted.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(interrupted.exitValue()).as(Files.readString(folder.resolve("interrupted"))).isEqualTo(ExitCode.INTERRUPTED);
                assertThat(folder.resolve("interrupted")).content().contains(run).contains("goes on without this command").contains("interrupted");
                assertThat(daemon.run("majora").state()).as("nobody cancelled the daemon's run").isEqualTo(RunState.RUNNING);

                assertThat(daemon.ledger().runs().cancel(run)).isTrue();
                assertThat(cancelled.waitFor(60, TimeUnit.SECONDS)).isTrue();
            } finally {
                interrupted.destroyForcibly();
                cancelled.destroyForcibly();
            }
            assertThat(cancelled.exitValue()).as(Files.readString(folder.resolve("cancelled"))).isEqualTo(ExitCode.INTERRUPTED);
            assertThat(folder.resolve("cancelled")).content().contains("cancelled").doesNotContain("interrupted");
            assertThat(daemon.run("majora").state()).isEqualTo(RunState.CANCELLED);
            assertThat(daemon.alerts).isEmpty();
        }
    }
}
