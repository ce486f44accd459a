package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.FolderLock;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.tensor.ShardedSafetensors;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.PartFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The folder that a pull makes. Files gather in a hidden folder beside it ({@code .NAME.part}), which takes the final name
 * in one step when it is complete; an older pull there makes way in the same moment. Locked while it is open.
 */
final class AdapterFolder implements Closeable {
    private static final long SPARE_BYTES = 64L << 20;

    private final Path path;
    private final Path staging;
    private final Path old;
    private final FolderLock lock;

    private AdapterFolder(Path path, FolderLock lock) {
        this.path = path;
        this.staging = path.resolveSibling("." + path.getFileName() + ".part");
        this.old = path.resolveSibling("." + path.getFileName() + ".old");
        this.lock = lock;
    }

    /**
     * Opens the folder for one pull.
     *
     * @throws FerryException when something else than a pulled adapter lies there
     */
    static AdapterFolder open(Path into) {
        Path path = into.toAbsolutePath().normalize();
        if (path.getFileName() == null) {
            throw new FerryException("Cannot pull into " + into + ": it is a root folder. Name a folder of the adapter's own.");
        }
        try {
            Files.createDirectories(path.getParent());
        } catch (IOException e) {
            throw new FerryException("Cannot make the folder " + path.getParent() + ": " + Durable.reason(e) + ".", e);
        }
        FolderLock lock = FolderLock.take(path.resolveSibling("." + path.getFileName() + ".lock"), path.toString());
        AdapterFolder folder = new AdapterFolder(path, lock);
        try {
            folder.settle();
            return folder;
        } catch (IOException e) {
            lock.close();
            throw new FerryException("Cannot use the folder " + path + ": " + Durable.reason(e) + ".", e);
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** Undoes what a kill in the middle of an exchange left, and refuses folders that are not ours. */
    private void settle() throws IOException {
        if (Files.exists(old)) {
            if (Files.exists(path)) {
                Folders.delete(old);
            } else {
                Files.move(old, path, StandardCopyOption.ATOMIC_MOVE);
            }
        }
        if (Files.exists(path) && !Files.isRegularFile(path.resolve(PullRecord.NAME))) {
            try (Stream<Path> content = Files.list(path)) {
                if (content.findAny().isPresent()) {
                    throw new FerryException("Cannot pull into " + path + ": it holds files that no pull has put there. Name a new or empty folder.");
                }
            }
        }
    }

    Path path() {
        return path;
    }

    Path staged(String name) {
        return staging.resolve(name);
    }

    Path part(String name) {
        return staging.resolve(name + ".part");
    }

    /**
     * What lies here, when it is exactly what lies on the far side; every file is read and compared. Where the far side states
     * no digest for a file, its version there must be the one that was pulled, and its content here what it was then.
     *
     * @param wanted    files on the far side by plain name
     * @param checksums their digests
     */
    Optional<PulledAdapter> verified(Map<String, FileEntry> wanted, Map<String, Checksum> checksums, Cancellation cancellation) {
        return PullRecord.read(path).filter(here -> {
            if (here.files().size() != wanted.size()) {
                return false;
            }
            for (PulledAdapter.File file : here.files()) {
                FileEntry there = wanted.get(file.name());
                Path local = path.resolve(file.name());
                if (there == null || !Files.isRegularFile(local)) {
                    return false;
                }
                boolean sameVersion = !there.version().isEmpty() && there.version().equals(file.version());
                Checksum expected = checksums.getOrDefault(file.name(), sameVersion ? Checksum.sha256(file.sha256()) : null);
                if (expected == null || !Checksum.of(local, expected.kind(), cancellation).equals(expected)) {
                    return false;
                }
            }
            return true;
        }).map(here -> new PulledAdapter(path, here.identity(), here.place(), here.files(), here.state(), here.method(), 0, here.bytes(), java.time.Duration.ZERO, true));
    }

    /** Makes the staging folder, clears out of it what is not wanted any more, and checks that the rest will fit. */
    void prepare(Map<String, FileEntry> wanted) {
        try {
            Files.createDirectories(staging);
            long there = 0;
            Set<Path> keep = new TreeSet<>();
            for (String name : wanted.keySet()) {
                keep.addAll(List.of(staged(name), part(name), staged(name + ".part.journal"), staged(name).getParent()));
                Files.createDirectories(staged(name).getParent());
            }
            try (Stream<Path> content = Files.walk(staging, 2)) {
                for (Path file : content.toList()) {
                    if (!keep.contains(file)) {
                        Folders.delete(file);
                    } else if (file.toString().endsWith(".part.journal")) {
                        // The part itself is sparse; its journal knows how much of it is there.
                        there += PartFile.journaled(file.resolveSibling(file.getFileName().toString().replaceFirst("\\.journal$", "")));
                    } else if (Files.isRegularFile(file) && !file.toString().endsWith(".part")) {
                        there += Files.size(file);
                    }
                }
            }
            long missing = wanted.values().stream().mapToLong(FileEntry::size).sum() - there;
            long free = Files.getFileStore(staging).getUsableSpace();
            if (missing > free - SPARE_BYTES) {
                throw new FerryException("Cannot pull into " + path + ": " + (missing >> 20) + " MiB are missing and the disk has " + (free >> 20)
                        + " MiB free. Free space and run the same command again.");
            }
        } catch (IOException e) {
            throw new FerryException("Cannot use the folder " + staging + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Opens and checks the weights, adds the record, and gives the folder its name. */
    void install(PulledAdapter pulled, Instant began) {
        check(pulled);
        PullRecord.write(staging, pulled, began);
        try {
            Durable.forceDirectory(staging);
            if (Files.exists(path)) {
                Files.move(path, old, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.move(staging, path, StandardCopyOption.ATOMIC_MOVE);
            Durable.forceDirectory(path.getParent());
            Folders.delete(old);
        } catch (IOException e) {
            throw new FerryException("Cannot give the pulled adapter its name " + path + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Whether the weights in a folder can be opened and are sound; nobody opens a pickle to see. */
    static boolean opens(Path folder, List<PulledAdapter.File> files) {
        try {
            return files.stream().noneMatch(f -> AdapterFiles.isPickle(f.name())) && WeightsCheck.defect(tensors(folder)).isEmpty();
        } catch (FerryException e) {
            return false;
        }
    }

    private static Set<String> tensors(Path folder) {
        Set<String> tensors = new TreeSet<>();
        try (ShardedSafetensors weights = ShardedSafetensors.find(folder, "adapter_model").orElseThrow(() -> new FerryException("no weights"))) {
            weights.tensors().forEach(tensor -> tensors.add(WeightsCheck.mark(tensor.name(), tensor.elements() == 0)));
        }
        return tensors;
    }

    private void check(PulledAdapter pulled) {
        if (pulled.files().stream().anyMatch(f -> AdapterFiles.isPickle(f.name()))) {
            return; // nothing in a pickle is safe to look at
        }
        Set<String> tensors;
        try {
            tensors = tensors(staging);
        } catch (FerryException e) {
            throw new FerryException("Cannot use the adapter from " + pulled.place() + ": it came as it is there, but its weights are damaged (" + e.getMessage()
                    + "). Save it again from the training.", e);
        }
        WeightsCheck.defect(tensors).ifPresent(defect -> {
            throw new FerryException("Cannot use the adapter from " + pulled.place() + ": " + defect + ". Save it again from the training.");
        });
    }

    @Override
    public void close() {
        lock.close();
    }
}
