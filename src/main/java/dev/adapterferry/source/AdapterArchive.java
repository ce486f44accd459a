package dev.adapterferry.source;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * Keeps a pulled adapter as {@code NAME.tar.zst}: streamed in small pieces whatever its size, and believed only after every
 * file was read back out of it and its SHA-256 was the one of the pull. Any {@code tar --zstd} can unpack it.
 */
public final class AdapterArchive {
    private static final int LEVEL = 6;
    private static final int BUFFER = 256 << 10;

    private AdapterArchive() { }

    /**
     * Writes the archive, or finds that it is there already.
     *
     * @param adapter      a pulled adapter
     * @param archive      the file to make; replaced when it holds something else
     * @param progress     hears of bytes read
     * @param cancellation looked at for every block
     * @return its size in bytes
     * @throws FerryException when it cannot be written, or what is read back is not what was put in; nothing is left then
     */
    public static long write(PulledAdapter adapter, Path archive, Progress progress, Cancellation cancellation) {
        Map<String, String> expected = adapter.files().stream().collect(Collectors.toMap(PulledAdapter.File::name, PulledAdapter.File::sha256, (a, b) -> a, TreeMap::new));
        Path part = archive.resolveSibling("." + archive.getFileName() + ".part");
        try {
            if (Files.isRegularFile(archive) && expected.equals(content(archive, cancellation))) {
                return Files.size(archive);
            }
            Files.createDirectories(archive.toAbsolutePath().getParent());
            try {
                pack(adapter, part, progress, cancellation);
                if (!expected.equals(content(part, cancellation))) {
                    throw new FerryException("Cannot archive " + adapter.folder() + ": what was read back from the archive is not what was put in. Check the disk, then try again.");
                }
                Durable.force(part);
                Files.move(part, archive, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(part);
            }
            return Files.size(archive);
        } catch (IOException e) {
            throw new FerryException("Cannot archive " + adapter.folder() + " as " + archive + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static void pack(PulledAdapter adapter, Path part, Progress progress, Cancellation cancellation) throws IOException {
        String activity = "archiving " + adapter.folder().getFileName();
        long done = 0;
        byte[] buffer = new byte[BUFFER];
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(part), BUFFER);
             ZstdOutputStream zstd = new ZstdOutputStream(out, LEVEL);
             TarArchiveOutputStream tar = new TarArchiveOutputStream(zstd)) {
            zstd.setChecksum(true);
            tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
            for (PulledAdapter.File file : adapter.files()) {
                TarArchiveEntry entry = new TarArchiveEntry(file.name());
                entry.setSize(file.size());
                entry.setModTime(file.modified() / 1_000_000);
                tar.putArchiveEntry(entry);
                try (InputStream in = Files.newInputStream(adapter.folder().resolve(file.name()))) {
                    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                        cancellation.check(activity);
                        tar.write(buffer, 0, n);
                        done += n;
                        progress.report(new Progress.Step(activity, done, adapter.bytes(), Progress.Unit.BYTES));
                    }
                }
                tar.closeArchiveEntry();
            }
        }
    }

    /** SHA-256 per file of an archive; empty when it is no archive or is damaged. */
    private static Map<String, String> content(Path archive, Cancellation cancellation) {
        Map<String, String> content = new TreeMap<>();
        byte[] buffer = new byte[BUFFER];
        try (InputStream in = Files.newInputStream(archive); TarArchiveInputStream tar = new TarArchiveInputStream(new ZstdInputStream(in))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                for (int n = tar.read(buffer); n >= 0; n = tar.read(buffer)) {
                    cancellation.check("checking " + archive.getFileName());
                    digest.update(buffer, 0, n);
                }
                content.put(entry.getName(), HexFormat.of().formatHex(digest.digest()));
            }
            return content;
        } catch (IOException e) {
            return Map.of();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
