package dev.adapterferry.stage;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.log.Logs;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Deletes what the settings say need not be kept, and only inside the working directory. */
public final class Housekeeping {
    private static final Logger LOG = LoggerFactory.getLogger(Housekeeping.class);

    private final Settings settings;
    private final Ledger ledger;

    /**
     * @param settings how long things stay
     * @param ledger   knows what ended when
     */
    public Housekeeping(Settings settings, Ledger ledger) {
        this.settings = settings;
        this.ledger = ledger;
    }

    /**
     * Sweeps once.
     *
     * @return what was deleted, in words
     */
    public String sweep() {
        Instant now = Instant.now();
        List<Path> folders = ledger.retention().forgetRuns(now.minus(settings.retention().runs()));
        folders.stream().filter(folder -> folder.toAbsolutePath().normalize().startsWith(settings.runs())).forEach(Housekeeping::deleteTree);
        int releases = ledger.retention().forgetReleases(now.minus(settings.retention().releases()));
        List<String> letters = ledger.retention().forgetLetters(now.minus(settings.retention().failed()));
        letters.forEach(run -> deleteTree(settings.failed().resolve(run + ".json")));
        int logs = Logs.forget(settings.log().path(), now.minus(settings.retention().logs())).size();
        return folders.size() + " runs, " + releases + " releases, " + letters.size() + " letters, " + logs + " log files forgotten";
    }

    /** Deletes a file or folder without following links; what cannot be deleted is told and left. */
    static void deleteTree(Path root) {
        if (!Files.exists(root, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                    Files.delete(folder);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            LOG.warn("Cannot delete {}: {}", root, e.getMessage());
        }
    }
}
