package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.LockedFile;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Fills a planned file in place: the file has its full size from the start, pieces land where the plan puts them, from
 * any thread and in any order, and what nobody writes (padding) is zero. The caller writes under a temporary name and
 * renames when all is there. While open, the file is locked against a second writer.
 */
public final class GgufWriter implements Closeable {
    private final Path file;
    private final GgufPlan plan;
    private final LockedFile locked;
    private final FileChannel channel;

    private GgufWriter(Path file, GgufPlan plan, LockedFile locked) {
        this.file = file;
        this.plan = plan;
        this.locked = locked;
        this.channel = locked.channel();
    }

    /**
     * Starts a file: whatever it held is gone, the header is written.
     *
     * @param file where to write; its folder exists
     * @param plan what to write
     * @throws FerryException when the file cannot be written; a {@link TransientFailure} when another process is writing it
     */
    public static GgufWriter create(Path file, GgufPlan plan) {
        GgufWriter writer = open(file, plan, StandardOpenOption.CREATE);
        try {
            writer.channel.truncate(0);
            writer.writeAt(plan.size() - 1, ByteBuffer.allocate(1));
            writer.writeAt(0, ByteBuffer.wrap(plan.header()));
            return writer;
        } catch (IOException e) {
            writer.close();
            throw failure("write", file, e);
        }
    }

    /**
     * Goes on with a file that {@link #create} started; its content stays.
     *
     * @param file an existing file of the planned size
     * @param plan the plan it was started with
     * @throws FerryException when it is missing, of another size, or being written by another process
     */
    public static GgufWriter reopen(Path file, GgufPlan plan) {
        GgufWriter writer = open(file, plan);
        try {
            if (writer.channel.size() != plan.size()) {
                throw new FerryException("Cannot go on writing " + file + ": expected " + plan.size() + " bytes, found " + writer.channel.size() + ".");
            }
            return writer;
        } catch (IOException | FerryException e) {
            writer.close();
            throw e instanceof FerryException f ? f : failure("read", file, (IOException) e);
        }
    }

    private static GgufWriter open(Path file, GgufPlan plan, OpenOption... more) {
        Set<OpenOption> options = new HashSet<>(List.of(more));
        Collections.addAll(options, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            return new GgufWriter(file, plan, LockedFile.open(file, options)
                    .orElseThrow(() -> new TransientFailure("Cannot write " + file + ": another pass is writing it. Wait for it to end.")));
        } catch (IOException e) {
            throw failure("write", file, e);
        }
    }

    /** The plan that is being filled. */
    public GgufPlan plan() {
        return plan;
    }

    /** The file that is being written. */
    public Path file() {
        return file;
    }

    /**
     * Writes a piece of a tensor.
     *
     * @param tensor    index in {@link GgufPlan#tensors()}
     * @param firstByte offset from the tensor's first byte
     * @param piece     encoded bytes; consumed
     * @throws IndexOutOfBoundsException when the piece leaves the tensor
     * @throws IOException               when the disk refuses it
     */
    public void write(int tensor, long firstByte, ByteBuffer piece) throws IOException {
        GgufPlan.Tensor place = plan.tensors().get(tensor);
        if (firstByte < 0 || firstByte > place.bytes() - piece.remaining()) {
            throw new IndexOutOfBoundsException(piece.remaining() + " bytes from byte " + firstByte + " of tensor '" + place.name() + "', which has " + place.bytes());
        }
        writeAt(place.offset() + firstByte, piece);
    }

    /**
     * Reads back what was written. A second channel on the file would not do: closing it gives up the lock.
     *
     * @param position byte offset in the file
     * @param into     filled to its limit
     * @throws IOException when the disk refuses it, or the file ends before
     */
    public void read(long position, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            int count = channel.read(into, position);
            if (count < 0) {
                throw new EOFException(file + " ends at byte " + position);
            }
            position += count;
        }
    }

    /**
     * Puts everything written so far on the disk.
     *
     * @throws IOException when the disk refuses it
     */
    public void force() throws IOException {
        channel.force(true);
    }

    @Override
    public void close() {
        try {
            locked.close();
        } catch (IOException e) {
            // What matters was forced before; a failing close after an error must not hide that error.
        }
    }

    private void writeAt(long position, ByteBuffer piece) throws IOException {
        while (piece.hasRemaining()) {
            position += channel.write(piece, position);
        }
    }

    private static FerryException failure(String verb, Path file, IOException e) {
        return new FerryException("Cannot " + verb + " " + file + ": " + Durable.reason(e) + ".", e);
    }
}
