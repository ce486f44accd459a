package dev.adapterferry.pass;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * One tensor of the cache.
 *
 * <pre>
 * encoded bytes  u32 crc32c[blocks]  64 characters: SHA-256 of the key  u32 blocks  u32 crc32c of the three before
 * </pre>
 *
 * Little-endian. The checksums stand in for forcing the file to the medium: after a power cut a block is right or known to be wrong.
 */
final class KeptTensor {
    private static final int KEY_BYTES = 64;
    private static final int TAIL_BYTES = KEY_BYTES + 8;

    private final Path file;
    private final int[] checksums;
    private FileChannel channel;
    private boolean broken;

    private KeptTensor(Path file, int[] checksums) {
        this.file = file;
        this.checksums = checksums;
    }

    /** Opens a file of the cache; empty when it is not whole or holds something else. */
    static Optional<KeptTensor> open(Path file, String keyHash, int blocks, long bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer tail = ByteBuffer.allocate(4 * blocks + TAIL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            if (channel.size() != bytes + tail.capacity() || !fill(channel, bytes, tail)) {
                return Optional.empty();
            }
            int[] checksums = new int[blocks];
            tail.flip().asIntBuffer().get(checksums);
            String key = new String(tail.array(), 4 * blocks, KEY_BYTES, StandardCharsets.ISO_8859_1);
            boolean whole = key.equals(keyHash) && tail.getInt(4 * blocks + KEY_BYTES) == blocks
                    && tail.getInt(4 * blocks + KEY_BYTES + 4) == checksum(tail.array(), 4 * blocks + KEY_BYTES + 4);
            return whole ? Optional.of(new KeptTensor(file, checksums)) : Optional.empty();
        }
    }

    /** Reads a block; false when it is not as it was written, or not there any more. */
    boolean read(int block, long offset, byte[] into, int length) {
        try {
            return fill(channel(), offset, ByteBuffer.wrap(into, 0, length)) && checksum(into, length) == checksums[block];
        } catch (IOException e) {
            return false;
        }
    }

    private synchronized FileChannel channel() throws IOException {
        if (broken) {
            throw new IOException(file + " was closed or could not be opened");
        }
        if (channel == null) {
            broken = true;
            channel = FileChannel.open(file, StandardOpenOption.READ);
            broken = false;
        }
        return channel;
    }

    /** Gives up the file; blocks read later are made again. */
    synchronized void close() {
        broken = true;
        closeQuietly(channel);
    }

    private static boolean fill(FileChannel channel, long position, ByteBuffer into) throws IOException {
        int start = into.position();
        while (into.hasRemaining()) {
            if (channel.read(into, position + into.position() - start) < 0) {
                return false;
            }
        }
        return true;
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    private static void closeQuietly(Closeable channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // The cache is only ever a shortcut.
        }
    }

    /** Writes one, block after block; it appears in the cache when it is whole. */
    static final class Writer {
        private final Path file;
        private final Path part;
        private final String keyHash;
        private final FileChannel channel;
        private final List<Integer> checksums = new ArrayList<>();

        Writer(Path file, String keyHash) throws IOException {
            this.file = file;
            this.part = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".part");
            this.keyHash = keyHash;
            this.channel = FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }

        void append(byte[] bytes, int length) throws IOException {
            write(ByteBuffer.wrap(bytes, 0, length));
            checksums.add(checksum(bytes, length));
        }

        /** Gives it its name; returns its size. */
        long commit() throws IOException {
            ByteBuffer tail = ByteBuffer.allocate(4 * checksums.size() + TAIL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            checksums.forEach(tail::putInt);
            tail.put(keyHash.getBytes(StandardCharsets.ISO_8859_1)).putInt(checksums.size());
            write(tail.putInt(checksum(tail.array(), tail.position())).flip());
            long size = channel.size();
            channel.close();
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return size;
        }

        /** Leaves nothing of it. */
        void discard() {
            closeQuietly(channel);
            try {
                Files.deleteIfExists(part);
            } catch (IOException e) {
                // A stray part is swept with the folder; it must not fail a pass.
            }
        }

        private void write(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }
    }
}
