package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.LiveSettings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.StageWork;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * The daemon with a copy of the real route files, the real ledger and real alerts (to a receiver of its own), and stages that
 * do what the test says instead of carrying gigabytes.
 */
class StubbedDaemon implements AutoCloseable {
    /** Alerts as they arrived, JSON. */
    final List<String> alerts = new CopyOnWriteArrayList<>();
    final Path folder;
    final Path routes;
    final Path config;
    private final HttpServer receiver;
    private final LiveSettings settings;
    private final FerryApplication application;

    /** Stages that record nothing of their own and do what the test says. */
    private record Stub(Stage stage, Consumer<RunContext> work) implements StageWork {
        @Override
        public Class<?> facts() {
            return Object.class;
        }

        @Override
        public Optional<String> key(RunContext run) {
            return Optional.empty();
        }

        @Override
        public Object carry(RunContext run) {
            work.accept(run);
            return switch (stage) {
                case DOWNLOAD -> new Facts.Downloaded(run.folder(), "identity", "a stub", List.of(), 1_000, null, null);
                case MERGE -> new Facts.Merged(run.folder(), "identity", run.folder(), "some/base", "c0ffee", "base", 7, List.of(), null);
                case QUANTIZE -> new Facts.Quantized(List.of(), 7, Map.of(), 1, 1, 2_000, 0);
                case DEPLOY -> new Facts.Deployed(1, run.folder(), List.of(), "Q8_0", null);
                case HEALTH_CHECK -> new Facts.Checked("healthy", List.of(), URI.create("http://127.0.0.1:1"), "m", "yes", null);
                case EVALUATE -> new Facts.Evaluated(1.0, 1, 0, 1.0, null);
            };
        }

        @Override
        public String summary(Object facts) {
            return "done";
        }
    }

    /**
     * Starts it.
     *
     * @param folder an empty folder
     * @param models lines below {@code models:}, indented by two
     * @param more   more settings
     * @param work   what the stages do; those that are missing do nothing
     */
    StubbedDaemon(Path folder, String models, String more, Map<Stage, Consumer<RunContext>> work) throws IOException {
        this.folder = folder;
        this.routes = Files.createDirectories(folder.resolve("routes"));
        this.config = folder.resolve("ferry.yaml");
        try (Stream<Path> files = Files.list(Path.of("routes"))) {
            for (Path file : files.toList()) {
                Files.copy(file, routes.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/", exchange -> {
            alerts.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        receiver.start();
        Files.writeString(config, """
                home: %s
                models:
                %s
                %s
                routes: {path: %s}
                alerts: {on: [failed, refused], webhook: {enabled: true, url: "http://127.0.0.1:%d/"}}
                %s
                """.formatted(folder.resolve("home"), models, timers(), routes, receiver.getAddress().getPort(), more.contains("http:") ? more : "http: {enabled: false}\n" + more));
        settings = new LiveSettings(Optional.of(config), pinned -> new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(config), pinned), adopted -> { });
        application = FerryApplication.forDaemon(settings, Path.of("").toAbsolutePath(), Progress.NONE,
                real -> new Stub(real.stage(), work.getOrDefault(real.stage(), run -> { })));
    }

    /** Settings of what happens by itself: usually nothing. */
    String timers() {
        return "vast: {enabled: never, poll: \"0 0 0 1 1 ?\"}\nhealth: {every: 0}";
    }

    LiveSettings settings() {
        return settings;
    }

    FerryApplication application() {
        return application;
    }

    /** Asks its HTTP API; wants {@code http: {port: 0}} in its settings. */
    ApiCalls api() {
        return ApiCalls.of(application);
    }

    Ledger ledger() {
        return application.ledger();
    }

    /** The only run of a model. */
    Run run(String model) {
        List<Run> runs = ledger().runs().of(model, 10);
        assertThat(runs).as("runs of " + model).hasSize(1);
        return runs.getFirst();
    }

    /** Drops an empty file into the inbox. */
    void drop(String name) throws IOException {
        Files.createDirectories(inbox());
        Files.createFile(inbox().resolve(name));
    }

    Path inbox() {
        return settings.get().inbox().path();
    }

    /** Saves a route file, as a good editor does: the whole new text at once. */
    void edit(String file, UnaryOperator<String> change) throws IOException {
        Path path = routes.resolve(file + ".camel.yaml");
        String old = Files.exists(path) ? Files.readString(path) : "";
        String fresh = change.apply(old);
        assertThat(fresh).as("the edit changes " + file).isNotEqualTo(old);
        Path part = folder.resolve(file + ".new");
        Files.writeString(part, fresh);
        Files.move(part, path, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Whether a run of a model has come to its end. */
    boolean ended(String model) {
        return ledger().runs().of(model, 10).stream().anyMatch(run -> run.state().isEnd());
    }

    /** Waits for a condition; never for a time. */
    static void await(String what, BooleanSupplier condition) throws Exception {
        Waiting.until(what, condition::getAsBoolean);
    }

    static boolean exists(Path folder, String pattern) {
        try (Stream<Path> files = Files.isDirectory(folder) ? Files.list(folder) : Stream.empty()) {
            return files.anyMatch(file -> file.getFileName().toString().matches(pattern));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        application.close();
        receiver.stop(0);
    }
}
