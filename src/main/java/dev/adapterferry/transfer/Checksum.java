package dev.adapterferry.transfer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * A digest of a file's whole content.
 *
 * @param kind how it is computed
 * @param hex  the digest, lower-case hexadecimal
 */
public record Checksum(Kind kind, String hex) {
    /** Refuses digests of the wrong length. */
    public Checksum {
        hex = hex.toLowerCase(Locale.ROOT);
        if (hex.length() != kind.hexDigits || !hex.chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
            throw new IllegalArgumentException("not a " + kind + ": " + hex);
        }
    }

    /** A SHA-256 of the content. */
    public static Checksum sha256(String hex) {
        return new Checksum(Kind.SHA256, hex);
    }

    /**
     * Digest of a local file, in one sequential read.
     *
     * @param file         what to read
     * @param kind         how to digest
     * @param cancellation looked at for every block
     */
    public static Checksum of(Path file, Kind kind, Cancellation cancellation) {
        if (kind == Kind.SHA256) {
            return sha256(Sha256.of(file, Progress.NONE, cancellation));
        }
        byte[] buffer = new byte[256 << 10];
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = kind.start(Files.size(file));
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                cancellation.check("hashing " + file.getFileName());
                digest.update(buffer, 0, n);
            }
            return kind.end(digest);
        } catch (IOException e) {
            throw new FerryException("Cannot hash " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Digest of bytes in memory. */
    public static Checksum of(byte[] content, Kind kind) {
        MessageDigest digest = kind.start(content.length);
        digest.update(content);
        return kind.end(digest);
    }

    /** Digests that places state about their files. */
    public enum Kind {
        /** SHA-256 of the content. */
        SHA256("SHA-256", 64),
        /** git's blob id: SHA-1 over {@code "blob " + size + NUL + content}. */
        GIT_BLOB("SHA-1", 40),
        /** MD5 of the content, the ETag of an S3 object that was uploaded in one part. */
        MD5("MD5", 32);

        private final String algorithm;
        private final int hexDigits;

        Kind(String algorithm, int hexDigits) {
            this.algorithm = algorithm;
            this.hexDigits = hexDigits;
        }

        /**
         * Starts a digest of this kind.
         *
         * @param size length of the content in bytes
         */
        MessageDigest start(long size) {
            try {
                MessageDigest digest = MessageDigest.getInstance(algorithm);
                if (this == GIT_BLOB) {
                    digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
                }
                return digest;
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java platform has " + algorithm, e);
            }
        }

        /** Ends a digest of this kind. */
        Checksum end(MessageDigest digest) {
            return new Checksum(this, HexFormat.of().formatHex(digest.digest()));
        }
    }
}
