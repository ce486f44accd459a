package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at a few small files again and again, and tells when they have changed and lie still. Looking finds what notices of
 * the file system miss (network drives, containers, editors that write a new file and rename it); the contents are compared, since
 * clocks of file systems are coarse.
 */
final class FileWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FileWatch.class);
    private static final String UNREADABLE = "unreadable";

    private final Supplier<List<Path>> files;
    private final Consumer<Set<Path>> changed;
    private final long millis;
    private final Thread thread;
    private Map<Path, String> known;

    /**
     * Begins to watch.
     *
     * @param files   the files to look at, asked anew each time
     * @param every   pause between two looks; a change is told when two looks in a row found the same
     * @param changed is told the files that changed, came or went; whether it succeeds or not, the same state is not told again
     */
    FileWatch(Supplier<List<Path>> files, Duration every, Consumer<Set<Path>> changed) {
        this.files = files;
        this.changed = changed;
        this.millis = every.toMillis();
        this.known = look();
        this.thread = Thread.ofPlatform().daemon().name("watch-files").start(this::watch);
    }

    private void watch() {
        Map<Path, String> before = known;
        while (!Thread.currentThread().isInterrupted()) {
            try {
                Thread.sleep(millis);
            } catch (InterruptedException e) {
                return;
            }
            try {
                Map<Path, String> now = look();
                if (now.equals(before) && !now.equals(known)) {
                    Set<Path> differing = differing(known, now);
                    known = now;
                    changed.accept(differing);
                }
                before = now;
            } catch (FerryException e) {
                LOG.warn("Watching files for changes: {}", e.getMessage());
            } catch (RuntimeException e) {
                LOG.error("Taking over changed files failed by a defect of the ferry; what ran before goes on", e);
            }
        }
    }

    private Map<Path, String> look() {
        Map<Path, String> states = new TreeMap<>();
        for (Path file : files.get()) {
            try {
                if (Files.exists(file)) {
                    states.put(file, Sha256.of(Files.readAllBytes(file)));
                }
            } catch (IOException e) {
                states.put(file, UNREADABLE);
            }
        }
        return states;
    }

    private static Set<Path> differing(Map<Path, String> before, Map<Path, String> now) {
        Set<Path> all = new TreeSet<>(before.keySet());
        all.addAll(now.keySet());
        all.removeIf(file -> before.containsKey(file) && before.get(file).equals(now.get(file)));
        return all;
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
