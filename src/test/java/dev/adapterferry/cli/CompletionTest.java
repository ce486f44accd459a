package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The completion scripts, read by the shells themselves. */
class CompletionTest {
    @TempDir
    Path folder;

    private Path script(String shell) throws IOException {
        FerryCall call = FerryCall.of("completion", shell);
        assertThat(call.code()).as(call.err()).isZero();
        return Files.writeString(folder.resolve("ferry." + shell), call.out());
    }

    private String run(String... command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.environment().put("HOME", folder.toString());
        builder.environment().put("ZDOTDIR", folder.toString());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out;
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh", "fish"})
    void isAScriptOfItsShell(String shell) throws Exception {
        Programs.assume(shell);
        assertThat(run(shell, "-n", script(shell).toString())).isEmpty();
    }

    @Test
    void bashCompletesCommandsOptionsAndStages() throws Exception {
        Programs.assume("bash");
        Path script = script("bash");
        assertThat(bash(script, "ferry", "can")).contains("cancel");
        assertThat(bash(script, "ferry", "deploy", "--skip-")).contains("--skip-download", "--skip-evaluation");
        assertThat(bash(script, "ferry", "deploy", "--from", "")).contains("merge");
        assertThat(bash(script, "ferry", "logs", "--stage", "")).contains("quantize", "health-check");
    }

    /** What bash would offer for the last word. */
    private String bash(Path script, String... words) throws IOException, InterruptedException {
        String typed = Arrays.stream(words).map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        return run("bash", "--norc", "-c", "source '" + script + "'; COMP_WORDS=(" + typed + "); COMP_CWORD=" + (words.length - 1)
                + "; COMPREPLY=(); $(complete -p ferry | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\"");
    }

    @Test
    void zshCompletesFerryByTheFunctionOfBash() throws Exception {
        Programs.assume("zsh");
        assertThat(run("zsh", "-f", "-c", "source '" + script("zsh") + "' && print -r -- $_comps[ferry]")).contains("_complete_ferry");
    }

    @Test
    void fishCompletesCommandsOptionsAndValuesAndSaysWhatTheyMean() throws Exception {
        Programs.assume("fish");
        Path script = script("fish");
        assertThat(fish(script, "ferry can")).containsExactly("cancel\tStops runs, waiting ones and those that the daemon or another command carries");
        assertThat(fish(script, "ferry deploy --skip-")).extracting(line -> line.split("\t")[0]).containsExactlyInAnyOrder("--skip-download", "--skip-health-check", "--skip-evaluation");
        assertThat(fish(script, "ferry logs --stage q")).extracting(line -> line.split("\t")[0]).containsExactly("quantize");
        assertThat(fish(script, "ferry completion f")).extracting(line -> line.split("\t")[0]).containsExactly("fish");
        Files.createDirectories(folder.resolve("adapters"));
        assertThat(fish(script, "ferry deploy --adapter " + folder + "/ad")).as("folders where a folder is wanted").anyMatch(line -> line.contains("/adapters/"));
        assertThat(fish(script, "ferry status " + folder + "/ad")).as("and none elsewhere").isEmpty();
    }

    /** What fish would offer, a line each: the word, a tab, what it means. */
    private List<String> fish(Path script, String typed) throws IOException, InterruptedException {
        return run("fish", "--no-config", "-c", "source '" + script + "'; complete -C '" + typed + "'").lines().toList();
    }
}
