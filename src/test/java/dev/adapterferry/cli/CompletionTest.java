package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

class CompletionTest {
    static boolean hasBash() {
        return Files.isExecutable(Path.of("/bin/bash"));
    }

    @TempDir
    Path folder;

    @Test
    @EnabledIf("hasBash")
    void bashCompletesCommandsOptionsAndStages() throws Exception {
        FerryRunner.Ended script = FerryRunner.ferry("completion", "bash");
        assertThat(script.code()).isZero();
        Path file = Files.writeString(folder.resolve("ferry"), script.out());
        assertThat(complete(file, "ferry", "can")).contains("cancel");
        assertThat(complete(file, "ferry", "deploy", "--skip-")).contains("--skip-download", "--skip-evaluation");
        assertThat(complete(file, "ferry", "logs", "--stage", "")).contains("quantize", "health-check");
    }

    /** What bash would offer for the last word. */
    private static String complete(Path script, String... words) throws IOException, InterruptedException {
        String line = "source '" + script + "'; COMP_WORDS=(" + String.join(" ", java.util.Arrays.stream(words).map(word -> "'" + word + "'").toList()) + "); COMP_CWORD=" + (words.length - 1)
                + "; COMPREPLY=(); $(complete -p ferry | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\"";
        Process bash = new ProcessBuilder("/bin/bash", "--norc", "-c", line).redirectErrorStream(true).start();
        String out = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor()).as(out).isZero();
        return out;
    }

    @Test
    void zshLoadsTheCompletionOfBash() {
        FerryRunner.Ended script = FerryRunner.ferry("completion", "zsh");
        assertThat(script.out()).startsWith("autoload -Uz compinit bashcompinit").contains("complete -F _complete_ferry");
    }
}
