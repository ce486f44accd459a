package dev.adapterferry.hub;

import dev.adapterferry.transfer.FileEntry;
import java.util.List;
import java.util.Optional;

/**
 * One commit of a repository.
 *
 * @param repository {@code org/name} as it was asked for; a renamed one keeps answering to its old name
 * @param revision   branch, tag or commit that was asked for
 * @param commit     40 hexadecimal digits
 * @param files      its files, all of them, with size and digest where the hub states them (size -1 when not)
 */
public record HubVersion(String repository, String revision, String commit, List<FileEntry> files) {
    /** Copies the files. */
    public HubVersion {
        files = List.copyOf(files);
    }

    /** A file by its path. */
    public Optional<FileEntry> find(String path) {
        return files.stream().filter(f -> f.name().equals(path)).findFirst();
    }
}
