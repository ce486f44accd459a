package dev.adapterferry.source;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileChanged;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.PartFile;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fetches the files of one adapter into its staging folder, several at once, and believes none before its digest holds. */
final class FilePulls {
    private static final Logger LOG = LoggerFactory.getLogger(FilePulls.class);

    private final FileTree tree;
    private final AdapterFolder folder;
    private final TransferTerms terms;
    private final int atOnce;
    private final AtomicLong transferred = new AtomicLong();
    private final AtomicLong kept = new AtomicLong();

    FilePulls(FileTree tree, AdapterFolder folder, TransferTerms terms, int atOnce) {
        this.tree = tree;
        this.folder = folder;
        this.terms = terms;
        this.atOnce = atOnce;
    }

    long transferred() {
        return transferred.get();
    }

    long kept() {
        return kept.get();
    }

    /**
     * Fetches all files.
     *
     * @param wanted    files by the plain name under which they are kept
     * @param checksums the far side's digests by the same names
     */
    List<PulledAdapter.File> run(Map<String, FileEntry> wanted, Map<String, Checksum> checksums) {
        folder.prepare(wanted);
        ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, Math.min(atOnce, wanted.size())), Thread.ofPlatform().daemon().name("pull-", 0).factory());
        try {
            List<Future<PulledAdapter.File>> futures = new ArrayList<>();
            wanted.forEach((name, file) -> futures.add(threads.submit(() -> pullUnder(name, file, checksums.get(name)))));
            List<PulledAdapter.File> files = new ArrayList<>();
            for (Future<PulledAdapter.File> future : futures) {
                files.add(future.get());
            }
            return files;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("pulling from " + tree.place());
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : new FerryException("Cannot pull from " + tree.place() + ": " + e.getCause(), e.getCause());
        } finally {
            threads.shutdownNow();
            threads.close();
        }
    }

    /** The terms' request to stop reaches the waits of this thread too. */
    private PulledAdapter.File pullUnder(String name, FileEntry file, Checksum expected) {
        return terms.cancellation().over(() -> {
            try {
                return pull(name, file, expected);
            } catch (IOException e) {
                throw new FerryException("Cannot pull " + name + " from " + tree.place() + ": " + Durable.reason(e) + ".", e);
            }
        });
    }

    private PulledAdapter.File pull(String name, FileEntry file, Checksum expected) throws IOException {
        terms.cancellation().check("pulling " + name);
        Path done = folder.staged(name);
        if (Files.isRegularFile(done)) {
            Checksum sha256 = Checksum.of(done, Checksum.Kind.SHA256, terms.cancellation());
            if (expected != null && holds(done, sha256, expected)) {
                kept.addAndGet(file.size());
                return new PulledAdapter.File(name, file.name(), file.size(), sha256.hex(), file.modified(), file.version(), true);
            }
            Files.delete(done);
        }
        Path part = folder.part(name);
        for (int attempt = 1; ; attempt++) {
            Transfer.Received received = tree.transfer().fetch(file, part, terms);
            transferred.addAndGet(received.transferred());
            kept.addAndGet(received.kept());
            if (Files.size(part) == file.size() && (expected == null || holds(part, received.sha256(), expected))) {
                PartFile.finish(part, done);
                return new PulledAdapter.File(name, file.name(), file.size(), received.sha256().hex(), file.modified(), file.version(), expected != null);
            }
            PartFile.discard(part);
            Checksum now = tree.checksums(List.of(file)).get(file.name());
            if (expected != null && !expected.equals(now)) {
                throw new FileChanged(file.name() + " in " + tree.place() + " changed while it was being pulled; something is still writing it.");
            }
            if (attempt == 2) {
                throw new TransientFailure("Cannot pull " + file.name() + " from " + tree.place() + ": it arrived damaged twice (expected "
                        + (expected == null ? file.size() + " bytes" : expected.kind() + " " + expected.hex()) + "). Nothing of it was kept; check the network and try again.");
            }
            LOG.warn("{} arrived damaged from {}; fetching it once more", file.name(), tree.place());
        }
    }

    private boolean holds(Path file, Checksum sha256, Checksum expected) {
        Checksum found = expected.kind() == Checksum.Kind.SHA256 ? sha256 : Checksum.of(file, expected.kind(), terms.cancellation());
        return found.equals(expected);
    }
}
