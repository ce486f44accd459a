package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.TokenizerFiles;
import dev.adapterferry.transfer.FileEntry;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cache folder of the Python tools: {@code models--org--name/} with {@code blobs/<etag>}, {@code refs/<branch>} and
 * {@code snapshots/<commit>/<file>} as links into the blobs. Their locks are {@code flock}s, which Java cannot take, so what
 * is written here appears by renames alone and a blob that exists is never touched.
 */
final class HubCache {
    private static final Logger LOG = LoggerFactory.getLogger(HubCache.class);

    private final Path root;

    /** @param root the cache folder; need not exist */
    HubCache(Path root) {
        this.root = root;
    }

    Path folder(String repository) {
        return root.resolve("models--" + repository.replace("/", "--"));
    }

    Path snapshot(String repository, String commit) {
        return folder(repository).resolve("snapshots").resolve(commit);
    }

    Path blob(String repository, FileEntry file) {
        return folder(repository).resolve("blobs").resolve(file.checksum().orElseThrow().hex());
    }

    /** The commit that a revision was when somebody last asked; a commit is itself. */
    Optional<String> commit(String repository, String revision) {
        if (revision.matches("[0-9a-f]{40}")) {
            return Optional.of(revision);
        }
        Path refs = folder(repository).resolve("refs").normalize();
        Path ref = refs.resolve(revision).normalize();
        try {
            return ref.startsWith(refs) && Files.isRegularFile(ref) ? Optional.of(Files.readString(ref).strip()).filter(c -> c.matches("[0-9a-f]{40}")) : Optional.empty();
        } catch (IOException e) {
            throw new FerryException("Cannot read " + ref + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Remembers which commit a revision is. */
    void remember(String repository, String revision, String commit) {
        Path refs = folder(repository).resolve("refs").normalize();
        Path ref = refs.resolve(revision).normalize();
        if (!revision.equals(commit) && ref.startsWith(refs) && !ref.equals(refs)) {
            Durable.write(ref, commit);
        }
    }

    /** Whether a snapshot holds all of these files in their full length. */
    boolean holds(String repository, String commit, List<FileEntry> files) {
        return files.stream().allMatch(file -> {
            Path path = snapshot(repository, commit).resolve(file.name());
            try {
                return Files.isRegularFile(path) && Files.size(path) == file.size();
            } catch (IOException e) {
                return false;
            }
        });
    }

    /**
     * Whether a snapshot can be merged on, judged without asking anybody: every shard that the index names is there and
     * whole, and there is a tokenizer. A snapshot is often partial, its existence says nothing.
     */
    boolean isUsable(String repository, String commit) {
        Path snapshot = snapshot(repository, commit);
        if (!Files.isDirectory(snapshot) || TokenizerFiles.VOCABULARIES.stream().noneMatch(name -> Files.isRegularFile(snapshot.resolve(name)))) {
            return false;
        }
        try (CheckpointFolder checkpoint = CheckpointFolder.open(snapshot, repository)) {
            return !checkpoint.tensors().tensors().isEmpty();
        } catch (FerryException e) {
            LOG.info("The cached snapshot {} of {} cannot be used: {}", commit, repository, e.getMessage());
            return false;
        }
    }

    /** Shows a blob under its name in a snapshot; where links are not allowed the file itself goes there. */
    void link(String repository, String commit, FileEntry file) {
        Path name = snapshot(repository, commit).resolve(file.name());
        Path blob = blob(repository, file);
        try {
            Files.createDirectories(name.getParent());
            if (Files.exists(name) && Files.size(name) == file.size()) {
                return;
            }
            Files.deleteIfExists(name);
            Path target = name.getParent().relativize(blob);
            try {
                Files.createSymbolicLink(name, target);
            } catch (FileAlreadyExistsException e) {
                LOG.debug("{} was linked by somebody else", name);
            } catch (UnsupportedOperationException | java.nio.file.FileSystemException e) {
                Files.move(blob, name, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw new FerryException("Cannot put " + file.name() + " into the cache at " + name + ": " + Durable.reason(e) + ".", e);
        }
    }
}
