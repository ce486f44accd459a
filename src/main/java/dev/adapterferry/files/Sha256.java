package dev.adapterferry.files;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 (FIPS 180-4) of files and bytes, as 64 lower-case hexadecimal digits. */
public final class Sha256 {
    private static final int BLOCK = 1 << 20;

    private Sha256() { }

    /** Digest of a whole file, without progress, under the {@linkplain Cancellation#current current} request to stop. */
    public static String of(Path file) {
        return of(file, Progress.NONE, Cancellation.current());
    }

    /**
     * Digest of a whole file.
     *
     * @param file         file to read from its first to its last byte
     * @param progress     hears of every block, in bytes
     * @param cancellation asked before every block
     * @return 64 lower-case hexadecimal digits
     * @throws FerryException when the file cannot be read
     */
    public static String of(Path file, Progress progress, Cancellation cancellation) {
        MessageDigest digest = digest();
        String activity = "hashing " + file.getFileName();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long total = channel.size();
            long done = 0;
            ByteBuffer buffer = ByteBuffer.allocateDirect(BLOCK);
            for (int n = channel.read(buffer); n >= 0; n = channel.read(buffer)) {
                cancellation.check(activity);
                digest.update(buffer.flip());
                buffer.clear();
                done += n;
                progress.report(new Progress.Step(activity, done, total, Progress.Unit.BYTES));
            }
        } catch (IOException e) {
            throw new FerryException("Cannot hash " + file + ": " + Durable.reason(e) + ".", e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Digest of bytes in memory. */
    public static String of(byte[] bytes) {
        return HexFormat.of().formatHex(digest().digest(bytes));
    }

    /** A digest to feed piece by piece. */
    public static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
