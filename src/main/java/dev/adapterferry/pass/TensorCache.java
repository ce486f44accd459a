package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Quantized tensors kept on disk between passes: what no adapter touches is the same for every adapter on a base. One
 * file per tensor and type, named by the hash of everything that its bytes depend on; when the folder exceeds its
 * limit, the files that were not used for longest go. Several passes may share a folder. A damaged block is found by
 * its checksum and made again.
 */
public final class TensorCache {
    private static final String SUFFIX = ".blocks";
    private static final Duration STRAY_AGE = Duration.ofDays(1);

    private final Path folder;
    private final long maxBytes;
    /** What the folder holds, as far as this process knows; exact after each look at it. */
    private long known = -1;

    /**
     * @param folder   where to keep the files; made when missing
     * @param maxBytes limit of all files together
     */
    public TensorCache(Path folder, long maxBytes) {
        this.folder = folder;
        this.maxBytes = maxBytes;
    }

    /** A kept tensor. Its time of change becomes now: that is how the cache knows what was used. */
    Optional<KeptTensor> find(String key, int blocks, long bytes) {
        Path file = file(key);
        try {
            Optional<KeptTensor> kept = KeptTensor.open(file, Sha256.of(key.getBytes(StandardCharsets.UTF_8)), blocks, bytes);
            if (kept.isPresent()) {
                Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            }
            return kept;
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Starts keeping a tensor. */
    KeptTensor.Writer keep(String key) {
        try {
            Files.createDirectories(folder);
            return new KeptTensor.Writer(file(key), Sha256.of(key.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** A new file appeared: older ones may have to go. */
    synchronized void grew(long bytes) {
        known += bytes;
        if (known > maxBytes) {
            shrink();
        }
    }

    /** Removes the files that were not used for longest until the limit holds, and what killed passes left. */
    synchronized void shrink() {
        record Entry(Path file, long size, FileTime used) { }
        try (Stream<Path> files = Files.exists(folder) ? Files.list(folder) : Stream.empty()) {
            List<Entry> entries = new ArrayList<>();
            for (Path file : files.toList()) {
                try {
                    if (isStray(file)) {
                        Files.deleteIfExists(file);
                    }
                    if (!file.getFileName().toString().endsWith(SUFFIX)) {
                        continue;
                    }
                    entries.add(new Entry(file, Files.size(file), Files.getLastModifiedTime(file)));
                } catch (NoSuchFileException e) {
                    // Another pass removed it first.
                }
            }
            entries.sort(Comparator.comparing(Entry::used).thenComparing(Entry::file));
            long total = entries.stream().mapToLong(Entry::size).sum();
            for (Entry entry : entries) {
                if (total <= maxBytes) {
                    break;
                }
                Files.deleteIfExists(entry.file);
                total -= entry.size;
            }
            known = total;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static boolean isStray(Path file) throws IOException {
        return file.getFileName().toString().endsWith(".part") && Files.getLastModifiedTime(file).toInstant().isBefore(Instant.now().minus(STRAY_AGE));
    }

    private Path file(String key) {
        return folder.resolve(Sha256.of(key.getBytes(StandardCharsets.UTF_8)) + SUFFIX);
    }

    private FerryException failure(IOException e) {
        return new FerryException("Cannot use the cache of quantized tensors in " + folder + ": " + Durable.reason(e) + ". Name another folder or switch it off.", e);
    }
}
