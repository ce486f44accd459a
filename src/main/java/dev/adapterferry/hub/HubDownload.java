package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.FolderLock;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.PartFile;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the needed files of one commit into the cache: each file over several connections, resumable after a kill, and
 * under its name only when its digest is the hub's own (SHA-256 of large files, git's blob id of small ones).
 */
final class HubDownload {
    private static final Logger LOG = LoggerFactory.getLogger(HubDownload.class);
    private static final long SPARE_BYTES = 256L << 20;

    private final HubCache cache;

    HubDownload(HubCache cache) {
        this.cache = cache;
    }

    /**
     * Downloads what the cache lacks.
     *
     * @param tree  the commit
     * @param files what is needed of it
     * @param terms limit, listener and stop request
     * @return the snapshot's folder, with every file in it
     */
    Path run(HubTree tree, List<FileEntry> files, TransferTerms terms) {
        String repository = tree.version().repository();
        Path folder = cache.folder(repository);
        TransferTerms named = new TransferTerms(terms.bandwidth(), terms.progress().about(repository), terms.cancellation());
        try {
            Files.createDirectories(folder.resolve("blobs"));
        } catch (IOException e) {
            throw new FerryException("Cannot make the cache folder " + folder + ": " + Durable.reason(e) + ".", e);
        }
        try (FolderLock _ = FolderLock.await(folder.resolve(".ferry.lock"), repository, terms.cancellation())) {
            requireSpace(repository, folder, files);
            for (FileEntry file : files) {
                terms.cancellation().check("downloading " + repository);
                if (!cache.holds(repository, tree.version().commit(), List.of(file))) {
                    fetch(tree, file, named);
                    cache.link(repository, tree.version().commit(), file);
                }
            }
        }
        return cache.snapshot(repository, tree.version().commit());
    }

    private void requireSpace(String repository, Path folder, List<FileEntry> files) {
        try {
            long missing = 0;
            for (FileEntry file : files) {
                if (file.checksum().isEmpty()) {
                    throw new FerryException("Cannot get " + file.name() + " of " + repository + ": the hub states no digest for it, so nobody could say whether it came whole. "
                            + "A mirror may leave that out; try the hub itself.");
                }
                Path blob = cache.blob(repository, file);
                missing += Files.exists(blob) ? 0 : Math.max(0, file.size() - PartFile.journaled(part(blob)));
            }
            long free = Files.getFileStore(folder).getUsableSpace();
            if (missing > free - SPARE_BYTES) {
                throw new FerryException("Cannot download " + repository + ": " + (missing >> 20) + " MiB are missing and the disk of " + folder + " has " + (free >> 20)
                        + " MiB free. Free space, or move the cache with hub.cache.");
            }
        } catch (IOException e) {
            throw new FerryException("Cannot look into " + folder + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static Path part(Path blob) {
        return blob.resolveSibling(blob.getFileName() + ".ferry.part");
    }

    private void fetch(HubTree tree, FileEntry file, TransferTerms terms) {
        Path blob = cache.blob(tree.version().repository(), file);
        Path part = part(blob);
        Checksum expected = file.checksum().orElseThrow();
        try {
            if (Files.isRegularFile(blob) && Files.size(blob) == file.size()) {
                return; // named by its digest; the Python tools have put it there
            }
            for (int attempt = 1; ; attempt++) {
                Transfer.Received received = tree.transfer().fetch(file, part, terms);
                Checksum found = expected.kind() == Checksum.Kind.SHA256 ? received.sha256() : Checksum.of(part, expected.kind(), terms.cancellation());
                if (found.equals(expected)) {
                    PartFile.finish(part, blob);
                    return;
                }
                PartFile.discard(part);
                if (attempt == 2) {
                    throw new TransientFailure("Cannot download " + file.name() + " of " + tree.place() + ": it arrived damaged twice (expected " + expected.kind() + " " + expected.hex()
                            + ", found " + found.hex() + "). Nothing of it was kept; a proxy in between may change it.");
                }
                LOG.warn("{} arrived damaged from {}; fetching it once more", file.name(), tree.place());
            }
        } catch (IOException e) {
            throw new FerryException("Cannot look at " + blob + ": " + Durable.reason(e) + ".", e);
        }
    }
}
