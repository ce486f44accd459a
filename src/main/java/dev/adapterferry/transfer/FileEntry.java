package dev.adapterferry.transfer;

import java.util.Optional;

/**
 * One file of a {@link FileTree}.
 *
 * @param name     path below the tree's root, with {@code /} between folders
 * @param size     length in bytes
 * @param modified last change in nanoseconds of the far side's clock since 1970, comparable only with others of the same
 *                 tree; 0 when unknown
 * @param checksum the digest that the far side states, when it states one without being asked
 * @param version  text that changes when the content may have changed (an ETag, a commit, size and time)
 * @param refusal  why this file must not be fetched ("it is a link to /etc/passwd"); empty when it may
 */
public record FileEntry(String name, long size, long modified, Optional<Checksum> checksum, String version, String refusal) {
    /** An entry whose version is its size and time. */
    public static FileEntry of(String name, long size, long modified) {
        return new FileEntry(name, size, modified, Optional.empty(), size + "@" + modified, "");
    }

    /** An entry with a stated digest, which is its version too. */
    public static FileEntry of(String name, long size, long modified, Checksum checksum) {
        return new FileEntry(name, size, modified, Optional.of(checksum), checksum.hex(), "");
    }

    /** The same entry, not to be fetched. */
    public FileEntry refused(String reason) {
        return new FileEntry(name, size, modified, checksum, version, reason);
    }

    /** The last part of the name. */
    public String plainName() {
        return name.substring(name.lastIndexOf('/') + 1);
    }

    /** The folder part of the name, empty for a file in the root. */
    public String folder() {
        int slash = name.lastIndexOf('/');
        return slash < 0 ? "" : name.substring(0, slash);
    }
}
