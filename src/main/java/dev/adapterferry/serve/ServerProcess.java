package dev.adapterferry.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.secret.Secret;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A {@link ServerMain} seen from the process that started it: same Java, same class path. It ends with this process in any case. */
final class ServerProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServerProcess.class);
    private static final int LAST_WORDS = 200;
    private static final long GRACE_SECONDS = 3;

    private final Process process;
    private final String what;
    private final Deque<String> words = new ArrayDeque<>();
    private final CompletableFuture<JsonNode> said = new CompletableFuture<>();
    private final List<Thread> listeners;
    private URI address;

    private ServerProcess(Process process, String what) {
        this.process = process;
        this.what = what;
        this.listeners = List.of(Thread.ofVirtual().name("server-errors").start(this::listen), Thread.ofVirtual().name("server-output").start(this::hear));
    }

    /**
     * Starts a server and waits until its models are loaded.
     *
     * @param options  how to listen and compute
     * @param models   what to serve
     * @param patience for loading
     * @param crashes  folder for the JVM's crash reports
     * @throws FerryException when it cannot serve them, is not ready in time, or dies: with the signal
     */
    static ServerProcess start(ServerOptions options, List<ServedModel> models, Duration patience, Path crashes) {
        String what = "the server of " + models.stream().map(model -> model.name() + " (" + model.file() + ")").collect(Collectors.joining(", "));
        ServerProcess server;
        try {
            Files.createDirectories(crashes);
            server = new ServerProcess(new ProcessBuilder(command(crashes)).start(), what);
        } catch (IOException e) {
            throw new FerryException("Cannot start " + what + ": " + e.getMessage() + ".", e);
        }
        try {
            server.order(options, models);
            server.awaitReady(patience);
            return server;
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private static List<String> command(Path crashes) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        // The start-up cache and the module flags of this JVM; memory and collectors are the child's own matter.
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> Stream.of("-XX:AOTCache=", "-Xlog:", "--add-modules", "--enable-native-access", "--sun-misc-unsafe-memory-access").anyMatch(flag::startsWith)).forEach(command::add);
        if (command.stream().noneMatch(flag -> flag.startsWith("--enable-native-access"))) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(List.of("-XX:+UseSerialGC", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + crashes.toAbsolutePath().resolve("server-crash-%p.log"), "-Djava.awt.headless=true", "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                "-cp", System.getProperty("java.class.path"), ServerMain.class.getName()));
        return command;
    }

    private void order(ServerOptions options, List<ServedModel> models) {
        ServerMain.Order order = new ServerMain.Order(options.host(), options.port(), options.token().map(Secret::reveal).orElse(null), options.threads(), options.gpuLayers(), options.maxLoaded(),
                models.stream().map(m -> new ServerMain.Order.Item(m.name(), m.file().toAbsolutePath().toString(), m.systemPrompt(), m.temperature(), m.contextLength())).toList());
        try {
            OutputStream out = process.getOutputStream();
            out.write((ServerMain.JSON.writeValueAsString(order) + "\n").getBytes(StandardCharsets.UTF_8));
            // Left open: its end is the child's end.
            out.flush();
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            // It died at once; its last words say more.
            LOG.debug("{} does not listen: {}", what, e.getMessage());
        }
    }

    private void awaitReady(Duration patience) {
        address = Cancellation.current().interrupting("waiting for " + what, () -> ready(patience));
    }

    private URI ready(Duration patience) throws InterruptedException {
        try {
            JsonNode answer = said.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            if (answer.has("error")) {
                throw new FerryException(answer.path("error").asText());
            }
            return URI.create(answer.path("address").asText());
        } catch (TimeoutException e) {
            throw new FerryException("Cannot start " + what + ": it was not ready within " + patience.toSeconds() + " s (health.load-timeout).", e);
        } catch (ExecutionException e) {
            throw new FerryException("Cannot start " + what + ": it " + cause() + ", while it loaded. This llama.cpp may not know the architecture, or memory may be short.", e.getCause());
        }
    }

    /** Where it listens. */
    URI address() {
        return address;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Completes when the process has ended, however. */
    CompletableFuture<Process> onExit() {
        return process.onExit();
    }

    long pid() {
        return process.pid();
    }

    /** Why it died, without a subject; waits for its death. */
    String cause() {
        try {
            process.waitFor(GRACE_SECONDS, TimeUnit.SECONDS);
            for (Thread listener : listeners) {
                listener.join(TimeUnit.SECONDS.toMillis(GRACE_SECONDS));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (words) {
            return process.isAlive() ? "closed its output" : Obituary.cause(process.exitValue(), List.copyOf(words));
        }
    }

    private void hear() {
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.startsWith("{")) {
                    said.complete(ServerMain.JSON.readTree(line));
                } else {
                    // The JVM tells of crashes here.
                    remember(line);
                }
            }
            said.completeExceptionally(new IOException("the output ended"));
        } catch (IOException e) {
            said.completeExceptionally(e);
        }
    }

    private void listen() {
        try (BufferedReader err = new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                remember(line);
            }
        } catch (IOException e) {
            LOG.debug("The errors of {} ended: {}", what, e.getMessage());
        }
    }

    private void remember(String line) {
        LOG.debug("server {}: {}", process.pid(), line);
        if (!line.startsWith("WARNING: Using incubator modules")) {
            synchronized (words) {
                words.add(line);
                if (words.size() > LAST_WORDS) {
                    words.removeFirst();
                }
            }
        }
    }

    /** Ends the server; answers under way break off. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (process.waitFor(GRACE_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
        } catch (IOException e) {
            LOG.debug("Closing {}: {}", what, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
