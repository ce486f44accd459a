package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.LiveSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes over edits of the route files and of the settings while the ferry runs; what cannot be taken is told once and changes nothing. */
final class Reload implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Reload.class);
    private static final Duration EVERY = Duration.ofMillis(300);

    private final LiveSettings settings;
    private final Consumer<Settings> replace;
    private final BiConsumer<String, String> refused;
    private final FileWatch watch;

    /**
     * Begins to watch.
     *
     * @param settings the settings in force
     * @param replace  builds the routes anew with settings, and adopts them when that succeeds
     * @param refused  is told what was refused, and why
     */
    Reload(LiveSettings settings, Consumer<Settings> replace, BiConsumer<String, String> refused) {
        this.settings = settings;
        this.replace = replace;
        this.refused = refused;
        this.watch = new FileWatch(this::files, EVERY, this::changed);
    }

    private List<Path> files() {
        List<Path> files = new ArrayList<>(settings.file().stream().toList());
        if (settings.get().routes().reload() && Files.isDirectory(settings.get().routes().path())) {
            files.addAll(RouteFiles.in(settings.get().routes().path()));
        }
        return files;
    }

    private void changed(Set<Path> files) {
        String names = files.stream().map(file -> file.getFileName().toString()).collect(Collectors.joining(", "));
        Instant began = Instant.now();
        try {
            LiveSettings.Next next = settings.read();
            replace.accept(next.settings());
            LOG.info("Taken over: {} ({} ms)", names, Duration.between(began, Instant.now()).toMillis());
            if (!next.changes().isEmpty()) {
                LOG.info("Settings that changed: {}", String.join(", ", next.changes().keys()));
            }
            if (!next.changes().restart().isEmpty()) {
                LOG.warn("Only a restart of the daemon brings these settings into force: {}", String.join(", ", next.changes().restart()));
            }
        } catch (BrokenRoutes e) {
            refuse("the routes in " + e.file() + (e.line() > 0 ? ", line " + e.line() : ""), e.reason());
        } catch (FerryException e) {
            refuse("the edit of " + names, e.getMessage());
        }
    }

    private void refuse(String what, String reason) {
        LOG.error("Refused {}: {} What ran before goes on.", what, reason.matches("(?s).*[.?!]") ? reason : reason + ".");
        refused.accept(what, reason);
    }

    @Override
    public void close() {
        watch.close();
    }
}
