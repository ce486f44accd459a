package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The packaged program at a real terminal, which util-linux's {@code script} makes, and without one: colours, and lines that are drawn over. */
@EnabledOnOs(OS.LINUX)
class TerminalIT {
    private static final String LAUNCHER = Path.of(System.getProperty("ferry.dist", "target/ferry")).toAbsolutePath().resolve("bin/ferry").toString();
    private static final String ESCAPE = "\u001b";

    @TempDir
    Path folder;

    @BeforeAll
    static void needsScript() {
        Programs.assume("script");
    }

    /** What comes out of a shell line, run at a terminal or into a pipe. */
    private static String shell(boolean terminal, String line) throws IOException, InterruptedException {
        ProcessBuilder builder = terminal ? new ProcessBuilder("script", "-qec", line, "/dev/null") : new ProcessBuilder("/bin/sh", "-c", line);
        builder.environment().remove("NO_COLOR");
        builder.environment().put("TERM", "xterm");
        Process process = builder.redirectErrorStream(true).redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile())).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return out;
    }

    @Test
    void colourIsForTerminalsOfThoseWhoWantIt() throws Exception {
        assertThat(shell(true, LAUNCHER + " --help")).contains(ESCAPE + "[1m").contains("deploy");
        assertThat(shell(true, "NO_COLOR=1 " + LAUNCHER + " --help")).doesNotContain(ESCAPE).contains("deploy");
        assertThat(shell(false, LAUNCHER + " --help")).doesNotContain(ESCAPE).contains("deploy");
    }

    @Test
    void drawsOverALineOnlyWhereTheErrorsGoToATerminal() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        String quantize = LAUNCHER + " quantize " + material.base() + " --formats Q8_0 --home " + folder.resolve("home") + " --out ";
        assertThat(shell(true, quantize + folder.resolve("a"))).contains("\r" + ESCAPE + "[K").contains("100%");
        // At a terminal, but with the errors in a file: the file gets plain lines.
        String mixed = shell(true, quantize + folder.resolve("b") + " 2> " + folder.resolve("errors"));
        assertThat(mixed).doesNotContain(ESCAPE).contains("Q8_0");
        assertThat(Files.readString(folder.resolve("errors"))).doesNotContain(ESCAPE).doesNotContain("\r");
    }
}
