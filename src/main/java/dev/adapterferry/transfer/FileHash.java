package dev.adapterferry.transfer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;

/** Digests of local files, in one sequential read. */
public final class FileHash {
    private FileHash() { }

    /** SHA-256 of a file. */
    public static Checksum sha256(Path file, Cancellation cancellation) {
        return of(file, Checksum.Kind.SHA256, cancellation);
    }

    /**
     * Digest of a file.
     *
     * @param file         what to read
     * @param kind         how to digest
     * @param cancellation looked at for every 256 KiB
     */
    public static Checksum of(Path file, Checksum.Kind kind, Cancellation cancellation) {
        byte[] buffer = new byte[256 << 10];
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = kind.start(Files.size(file));
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                cancellation.check("hashing " + file);
                digest.update(buffer, 0, n);
            }
            return kind.end(digest);
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + " for its checksum: " + e.getMessage(), e);
        }
    }
}
