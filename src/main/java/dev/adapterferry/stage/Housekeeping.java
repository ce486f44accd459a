package dev.adapterferry.stage;

import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Folders;
import dev.adapterferry.ledger.Lease;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.log.Logs;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
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
        int leftovers = leftovers(now.minus(settings.retention().runs()));
        int requests = requests(now.minus(settings.retention().failed()));
        int reports = 0;
        for (Path model : entries(settings.home().resolve("evaluations"))) {
            reports += forget(model, now.minus(settings.retention().evaluations()));
        }
        int bases = forget(settings.home().resolve(ConvertedBase.FOLDER), now.minus(settings.retention().bases()));
        return folders.size() + " runs, " + releases + " releases, " + letters.size() + " letters, " + logs + " log files, " + leftovers + " folders of models without a run, " + requests
                + " inbox files, " + reports + " evaluations, " + bases + " converted bases forgotten";
    }

    /** What was pulled, quantized or merged for models of which no run is known any more. */
    private int leftovers(Instant before) {
        int gone = 0;
        for (String kind : List.of("adapters", "gguf", "merged")) {
            for (Path folder : old(settings.home().resolve(kind), before)) {
                String model = folder.getFileName().toString();
                if (!Files.isDirectory(folder) || !ledger.runs().of(model, 1).isEmpty()) {
                    continue;
                }
                // Under the model's lock: somebody may just begin its next run.
                Optional<Lease> lease = ledger.locks().tryAcquire(Runs.lock(model), null, new Cancellation());
                if (lease.isPresent()) {
                    try (Lease held = lease.get()) {
                        deleteTree(folder);
                        gone++;
                    }
                }
            }
        }
        return gone;
    }

    /** Inbox files that were taken or refused. */
    private int requests(Instant before) {
        Path inbox = settings.inbox().path();
        return forget(inbox.resolve(".done"), before) + forget(inbox.resolve(".failed"), before);
    }

    /** Deletes the entries of a folder that were last changed before a time; how many. */
    private static int forget(Path folder, Instant before) {
        List<Path> old = old(folder, before);
        old.forEach(Housekeeping::deleteTree);
        return old.size();
    }

    /** Entries of a folder that were last changed before a time. */
    private static List<Path> old(Path folder, Instant before) {
        return entries(folder).stream().filter(entry -> isOlder(entry, before)).toList();
    }

    private static boolean isOlder(Path entry, Instant before) {
        try {
            return Files.getLastModifiedTime(entry, LinkOption.NOFOLLOW_LINKS).toInstant().isBefore(before);
        } catch (IOException e) {
            LOG.warn("Cannot look at {}: {}", entry, Durable.reason(e));
            return false;
        }
    }

    /** What lies in a folder; nothing where there is none. */
    private static List<Path> entries(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.toList();
        } catch (IOException e) {
            LOG.warn("Cannot look through {}: {}", folder, Durable.reason(e));
            return List.of();
        }
    }

    /** Deletes a file or folder without following links; what cannot be deleted is told and left. */
    static void deleteTree(Path root) {
        try {
            Folders.delete(root);
        } catch (IOException e) {
            LOG.warn("Cannot delete {}: {}", root, Durable.reason(e));
        }
    }
}
