package dev.adapterferry.transfer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * A file that is still coming, and the journal beside it that says which blocks have come. A killed process leaves both;
 * the next one reads every journaled block back and believes only those whose CRC-32C holds, so neither a torn write nor
 * a lost page survives. The journal belongs to one version of the remote file: another version starts from nothing.
 *
 * <p>Journal format, ASCII: a line {@code ferry-part 1 <size> <block bytes> <version>}, then {@code <block> <crc32c hex>}
 * per complete block.
 */
public final class PartFile implements Closeable {
    /** Bytes of a block: what a kill can cost each lane. */
    static final int BLOCK = 1 << 20;

    private static final Pattern ENTRY = Pattern.compile("(\\d{1,9}) ([0-9a-f]{8})");

    private final Path part;
    private final Path journalPath;
    private final long size;
    private final FileChannel data;
    private final FileChannel journal;
    private final BitSet complete;
    private final long kept;
    private int prefix;

    private PartFile(Path part, long size, FileChannel data, FileChannel journal, BitSet complete) {
        this.part = part;
        this.journalPath = journalOf(part);
        this.size = size;
        this.data = data;
        this.journal = journal;
        this.complete = complete;
        this.prefix = complete.nextClearBit(0);
        this.kept = complete.stream().mapToLong(this::blockLength).sum();
    }

    /**
     * Opens a part file, new or left by an earlier attempt.
     *
     * @param part    the file that grows
     * @param size    bytes that it will have
     * @param version names the content; what lies here under another version is dropped
     */
    static PartFile open(Path part, long size, String version) {
        String header = "ferry-part 1 " + size + " " + BLOCK + " " + version.replaceAll("\\s", "_");
        try {
            FileChannel data = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                StringBuilder lines = new StringBuilder(header).append('\n');
                BitSet complete = verified(part, data, size, header, lines);
                if (complete.isEmpty()) {
                    data.truncate(0);
                }
                Path fresh = part.resolveSibling(part.getFileName() + ".journal.new");
                Files.writeString(fresh, lines, StandardCharsets.US_ASCII);
                Files.move(fresh, journalOf(part), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                return new PartFile(part, size, data, FileChannel.open(journalOf(part), StandardOpenOption.APPEND), complete);
            } catch (IOException | RuntimeException e) {
                data.close();
                throw e;
            }
        } catch (IOException e) {
            throw cannotWrite(part, e);
        }
    }

    /** The journal that belongs to a part file. */
    static Path journalOf(Path part) {
        return part.resolveSibling(part.getFileName() + ".journal");
    }

    private static BitSet verified(Path part, FileChannel data, long size, String header, StringBuilder lines) throws IOException {
        BitSet complete = new BitSet();
        if (!Files.isRegularFile(journalOf(part))) {
            return complete;
        }
        String[] old = Files.readString(journalOf(part), StandardCharsets.ISO_8859_1).split("\n");
        if (!old[0].equals(header)) {
            return complete;
        }
        ByteBuffer block = ByteBuffer.allocate(BLOCK);
        for (int i = 1; i < old.length; i++) {
            Matcher entry = ENTRY.matcher(old[i]);
            if (!entry.matches()) {
                continue;
            }
            int index = Integer.parseInt(entry.group(1));
            long offset = (long) index * BLOCK;
            if (offset >= size || complete.get(index)) {
                continue;
            }
            block.clear().limit((int) Math.min(BLOCK, size - offset));
            while (block.hasRemaining() && data.read(block, offset + block.position()) > 0) {
                // read on until the block is full or the file ends
            }
            CRC32C crc = new CRC32C();
            crc.update(block.array(), 0, block.position());
            if (!block.hasRemaining() && (int) crc.getValue() == Integer.parseUnsignedInt(entry.group(2), 16)) {
                complete.set(index);
                lines.append(old[i]).append('\n');
            }
        }
        return complete;
    }

    long size() {
        return size;
    }

    /** Bytes that an earlier attempt left and that were verified. */
    long kept() {
        return kept;
    }

    int blocks() {
        return Math.toIntExact((size + BLOCK - 1) / BLOCK);
    }

    long blockLength(int block) {
        return Math.min(BLOCK, size - (long) block * BLOCK);
    }

    synchronized BitSet complete() {
        return (BitSet) complete.clone();
    }

    void write(long offset, ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) {
                offset += data.write(bytes, offset);
            }
        } catch (IOException e) {
            throw cannotWrite(part, e);
        }
    }

    /** Records that every byte of a block was written. */
    synchronized void complete(int block, CRC32C crc) {
        try {
            journal.write(StandardCharsets.US_ASCII.encode(block + " " + String.format("%08x", (int) crc.getValue()) + "\n"));
        } catch (IOException e) {
            throw cannotWrite(journalPath, e);
        }
        complete.set(block);
        if (block == prefix) {
            prefix = complete.nextClearBit(block);
            notifyAll();
        }
    }

    /** Bytes from the start of the file that are complete; waits until they exceed {@code known} or the time is over. */
    synchronized long prefix(long known, long millis) throws InterruptedException {
        if (prefixBytes() <= known) {
            wait(millis);
        }
        return prefixBytes();
    }

    private long prefixBytes() {
        return Math.min(size, (long) prefix * BLOCK);
    }

    int read(ByteBuffer into, long offset) {
        try {
            return data.read(into, offset);
        } catch (IOException e) {
            throw new FerryException("Cannot read back " + part + ": " + Durable.reason(e) + ".", e);
        }
    }

    /**
     * Gives a part that was found right its final name, after forcing its bytes to the medium.
     *
     * @param part the file that a transfer has filled
     * @param done its final name, in the same folder
     */
    public static void finish(Path part, Path done) {
        try {
            Durable.force(part);
            Files.move(part, done, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            Files.deleteIfExists(journalOf(part));
        } catch (IOException e) {
            throw cannotWrite(done, e);
        }
    }

    /** Drops a part and its journal. */
    public static void discard(Path part) {
        try {
            Files.deleteIfExists(journalOf(part));
            Files.deleteIfExists(part);
        } catch (IOException e) {
            throw cannotWrite(part, e);
        }
    }

    /**
     * Bytes that a part's journal claims, without looking whether they hold.
     *
     * @param part a file that a transfer fills
     */
    public static long journaled(Path part) throws IOException {
        if (!Files.isRegularFile(journalOf(part))) {
            return 0;
        }
        try (java.util.stream.Stream<String> lines = Files.lines(journalOf(part), StandardCharsets.ISO_8859_1)) {
            return Math.max(0, lines.count() - 1) * BLOCK;
        }
    }

    @Override
    public void close() {
        try {
            data.close();
            journal.close();
        } catch (IOException e) {
            throw cannotWrite(part, e);
        }
    }

    static FerryException cannotWrite(Path file, IOException e) {
        return new FerryException("Cannot write " + file + ": " + Durable.reason(e)
                + ". Free space or correct the permissions, then run the same command to go on.", e);
    }
}
