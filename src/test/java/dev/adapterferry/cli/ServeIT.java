package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.waiting.Foreground;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry serve} as a user runs it: in a process, until Ctrl-C. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "it sends POSIX signals")
class ServeIT {
    private static final Pattern ADDRESS = Pattern.compile(".* answers at (http://\\S+)/v1 .*");
    private static final String TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}";

    @TempDir
    Path directory;

    private Path config;

    @BeforeEach
    void configure() throws IOException {
        config = Files.writeString(directory.resolve("ferry.yaml"), "home: " + directory.resolve("home") + "\nmodels: {majora: {base: none, source: {url: \"file:/nowhere\"}}}\n");
    }

    private Process ferry(String... arguments) throws IOException {
        List<String> command = Foreground.command();
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED", "-Dferry.dist=" + Path.of("").toAbsolutePath(), "-cp", System.getProperty("java.class.path"), Ferry.class.getName()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--config", config.toString()));
        return new ProcessBuilder(command).redirectError(directory.resolve("errors.log").toFile()).start();
    }

    @Test
    void servesAFileUntilCtrlC() throws Exception {
        Path file = directory.resolve("tiny model.gguf");
        TinyGguf.write(file, 3, TEMPLATE);
        Process ferry = ferry("serve", file.toString(), "--port", "0");
        try (BufferedReader out = ferry.inputReader()) {
            String line = out.readLine();
            assertThat(line).as(Files.readString(directory.resolve("errors.log"))).isNotNull();
            Matcher address = ADDRESS.matcher(line);
            assertThat(address.matches()).as(line).isTrue();
            assertThat(address.group(1)).startsWith("http://127.0.0.1:");
            OpenAiClient client = new OpenAiClient(new Endpoint(URI.create(address.group(1)), null, Duration.ofSeconds(30)), new JdkHttpCaller());
            assertThat(client.models()).containsExactly("tiny model");
            Answer answer = client.ask(Question.greedy("tiny model", null, "Hell", 4));
            assertThat(answer.isFrom("tiny model")).isTrue();
            assertThat(answer.completionTokens()).isPositive();
            List<ProcessHandle> children = ferry.children().toList();
            assertThat(children).as("the engine runs in a process of its own").hasSize(1);

            assertThat(new ProcessBuilder("kill", "-INT", Long.toString(ferry.pid())).start().waitFor()).isZero();
            assertThat(ferry.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(children.getFirst().onExit().get(30, TimeUnit.SECONDS).isAlive()).isFalse();
        } finally {
            ferry.destroyForcibly();
        }
    }

    @Test
    void saysWhatIsMissing() {
        assertFails(ExitCode.FAILED, "no release of it is installed", "serve", "majora");
        assertFails(ExitCode.SETTINGS, "reachable from other machines", "serve", "majora", "--host", "0.0.0.0");
        assertFails(ExitCode.FAILED, "there is no such file", "serve", directory.resolve("none.gguf").toString());
        assertFails(ExitCode.SETTINGS, "is one file", "serve", directory.resolve("none.gguf").toString(), "--format", "Q8_0");
    }

    private void assertFails(int code, String sentence, String... arguments) {
        StringWriter errors = new StringWriter();
        List<String> line = new ArrayList<>(List.of(arguments));
        line.addAll(List.of("--config", config.toString()));
        assertThat(Ferry.commandLine().setErr(new PrintWriter(errors)).execute(line.toArray(String[]::new))).as(errors.toString()).isEqualTo(code);
        assertThat(errors.toString()).contains(sentence);
    }
}
