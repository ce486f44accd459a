package dev.adapterferry.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.secret.Secret;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Servers that die: told with the signal, started again at the same address, given up at last, and never left behind. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "it sends POSIX signals")
class SupervisedServerIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Secret TOKEN = new Secret("of-this-test-alone");

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = directory.resolve("tiny.gguf");
        TinyGguf.write(file, 7, null);
    }

    private SupervisedServer start() {
        return SupervisedServer.start(new ServerOptions("127.0.0.1", 0, Optional.of(TOKEN), 1, 0, 1), List.of(ServedModel.of("tiny", file)), PATIENCE, directory.resolve("crashes"));
    }

    private static boolean answers(SupervisedServer server) {
        try {
            return new OpenAiClient(new Endpoint(server.address(), TOKEN, Duration.ofSeconds(20)), new JdkHttpCaller()).models().equals(List.of("tiny"));
        } catch (TransientFailure e) {
            return false;
        }
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(end);
            Thread.sleep(20);
        }
    }

    private static void signal(String name, long pid) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor()).isZero();
    }

    private static boolean isGone(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty();
    }

    @Test
    void aCrashIsToldWithItsSignalAndAnsweredWithARestartUntilItIsTheThird() throws Exception {
        try (SupervisedServer server = start()) {
            assertThat(answers(server)).isTrue();
            assertThatThrownBy(() -> new OpenAiClient(new Endpoint(server.address(), null, PATIENCE), new JdkHttpCaller()).models()).isInstanceOf(FerryException.class).hasMessageContaining("401");
            var address = server.address();
            long first = server.pid();
            signal("INT", first);
            assertThat(answers(server)).as("Ctrl-C in the terminal is for the process that started it").isTrue();

            signal("SEGV", first);
            await("the second server", () -> server.pid() != first && answers(server));
            assertThat(server.address()).isEqualTo(address);
            assertThat(server.lastDeath()).startsWith("The server of tiny died of SIGSEGV").contains("the crash report is " + directory.resolve("crashes"));
            server.check();

            long second = server.pid();
            signal("KILL", second);
            await("the third server", () -> server.pid() != second && answers(server));
            assertThat(server.lastDeath()).isEqualTo("The server of tiny died of SIGKILL (somebody killed it; the system itself does so when memory runs out)");

            signal("KILL", server.pid());
            assertThatThrownBy(server::await).isInstanceOf(FerryException.class).hasMessageContaining("the 3. time within 10 minutes").hasMessageContaining("not started again");
            assertThatThrownBy(server::check).isInstanceOf(FerryException.class);
        }
    }

    @Test
    void aFileThatTheEngineRefusesIsSaidInItsWords() throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(this::start).isInstanceOf(FerryException.class).hasMessageContaining("tiny.gguf");
    }

    @Test
    void closingEndsTheProcess() {
        SupervisedServer server = start();
        long pid = server.pid();
        server.close();
        assertThat(isGone(pid)).isTrue();
        assertThat(server.lastDeath()).isNull();
    }

    /** Starts a server, says its process id, and waits to be killed. */
    static final class Parent {
        private Parent() { }

        public static void main(String[] arguments) throws Exception {
            SupervisedServer server = SupervisedServer.start(new ServerOptions("127.0.0.1", 0, Optional.empty(), 1, 0, 1), List.of(ServedModel.of("tiny", Path.of(arguments[0]))), PATIENCE, Path.of(arguments[1]));
            System.out.println("server " + server.pid());
            server.await();
        }
    }

    @Test
    void aServerNeverOutlivesTheProcessThatStartedIt() throws Exception {
        Process parent = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED",
                "-cp", System.getProperty("java.class.path"), Parent.class.getName(), file.toString(), directory.toString()).redirectError(directory.resolve("parent.log").toFile()).start();
        try (BufferedReader out = parent.inputReader()) {
            String line = out.readLine();
            while (line != null && !line.startsWith("server ")) {
                line = out.readLine();
            }
            assertThat(line).as(() -> read(directory.resolve("parent.log"))).isNotNull();
            long pid = Long.parseLong(line.substring("server ".length()));
            assertThat(isGone(pid)).isFalse();
            parent.destroyForcibly();
            assertThat(parent.waitFor(20, TimeUnit.SECONDS)).isTrue();
            await("the end of the orphan", () -> isGone(pid));
        } finally {
            parent.destroyForcibly();
        }
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
