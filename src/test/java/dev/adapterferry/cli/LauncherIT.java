package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Starts the packaged program as a user does, from a shell. */
class LauncherIT {
    private static final Path LAUNCHER = Path.of(System.getProperty("ferry.dist", "target/ferry")).toAbsolutePath().resolve("bin/ferry");

    @TempDir
    Path folder;

    private record Ended(int code, String out) { }

    private static Ended run(Map<String, String> environment, List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().keySet().removeAll(List.of("JAVA_HOME", "JAVA25_HOME", "JAVA_TOOL_OPTIONS"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), out);
    }

    @Test
    void findsAJdkByItselfWhateverTheDefaultIs() throws Exception {
        Ended ended = run(Map.of(), List.of(LAUNCHER.toString(), "--version"));
        assertThat(ended.code()).as(ended.out()).isZero();
        assertThat(ended.out()).contains("ferry 0.1.0").containsPattern("Java (2[5-9]|[3-9]\\d)").doesNotContain("WARNING: A restricted");
    }

    @Test
    void worksThroughASymbolicLinkFromAnyFolder() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("ferry"), LAUNCHER);
        Ended ended = run(Map.of(), List.of("sh", "-c", "cd / && '" + link + "' --help"));
        assertThat(ended.code()).as(ended.out()).isZero();
        assertThat(ended.out()).contains("deploy").contains("demo");
    }

    @Test
    void passesOverAJavaHomeThatIsTooOld() throws Exception {
        Path old = Files.createDirectories(folder.resolve("old/bin"));
        Path java = old.resolve("java");
        Files.writeString(java, "#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n");
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
        Ended ended = run(Map.of("JAVA_HOME", old.getParent().toString()), List.of(LAUNCHER.toString(), "--version"));
        assertThat(ended.code()).as(ended.out()).isZero();
    }

    @Test
    void saysWhatToDoWhenThereIsNoJdk() throws Exception {
        // The same script, made blind to the places where this machine keeps its JDKs.
        Path blind = folder.resolve("bin/ferry");
        Files.createDirectories(blind.getParent());
        Files.writeString(blind, Files.readString(LAUNCHER).replaceAll("/(usr|opt|Library|home)/(?!bin)", "/nowhere/"));
        Ended ended = run(Map.of("PATH", "/bin", "HOME", folder.toString()), List.of("/bin/sh", blind.toString(), "status"));
        assertThat(ended.code()).isNotZero();
        assertThat(ended.out()).contains("no JDK 25 found").contains("JAVA_HOME");
    }
}
