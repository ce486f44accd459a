package dev.adapterferry.transfer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** Carries segments by opening a stream for each: local files, object stores. */
public final class StreamLane implements Lane {
    private static final int BUFFER = 1 << 20;

    private final FileEntry file;
    private final Opening opening;

    /** Opens a part of a file as a stream. */
    @FunctionalInterface
    public interface Opening {
        /**
         * Opens a stream.
         *
         * @param offset first byte
         * @param length how many bytes are wanted; a stream may hold more
         * @return the stream, closed by the lane
         * @throws IOException when it cannot be opened now
         */
        InputStream open(long offset, long length) throws IOException;
    }

    /**
     * @param file    the file that is carried, for messages
     * @param opening opens parts of it
     */
    public StreamLane(FileEntry file, Opening opening) {
        this.file = file;
        this.opening = opening;
    }

    @Override
    public void carry(SegmentQueue queue) throws IOException {
        byte[] buffer = new byte[BUFFER];
        for (SegmentQueue.Segment segment = queue.next(); segment != null; segment = queue.next()) {
            try (InputStream in = opening.open(segment.position(), segment.left())) {
                while (segment.left() > 0) {
                    int n = in.read(buffer, 0, (int) Math.min(buffer.length, segment.left()));
                    if (n < 0) {
                        throw new FileChanged("Cannot pull " + file.name() + ": it was listed with " + file.size() + " bytes and ends at " + segment.position()
                                + ". Something is still writing it; try again later.");
                    }
                    segment.write(ByteBuffer.wrap(buffer, 0, n));
                }
            }
        }
    }

    @Override
    public void close() {
        // each segment closes its own stream
    }

    /** Reads up to so many bytes from a stream, for {@link FileTree#read}. */
    public static byte[] read(FileEntry file, Opening opening, long offset, int length) {
        try (InputStream in = opening.open(offset, length)) {
            return in.readNBytes(length);
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file.name() + ": " + Durable.reason(e) + ".", e);
        }
    }
}
