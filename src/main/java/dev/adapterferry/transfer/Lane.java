package dev.adapterferry.transfer;

import java.io.Closeable;
import java.io.IOException;

/** One open way to one file: a channel of an SSH connection, a series of HTTP range requests. Used by one thread. */
public interface Lane extends Closeable {
    /**
     * Carries segments until {@link SegmentQueue#next()} has none left. Bytes of a segment are written in order; several
     * segments may be under way at once.
     *
     * @param queue hands out segments
     * @throws IOException when the wire failed; what was not written is handed to another lane
     */
    void carry(SegmentQueue queue) throws IOException;

    @Override
    void close();

    /** Opens lanes to one kind of place. Safe for many threads. */
    @FunctionalInterface
    interface Opener {
        /**
         * Opens a lane, waiting while all are in use.
         *
         * @param file the file that it will read
         * @return an open lane, closed by the caller
         * @throws IOException when the place cannot be reached now
         */
        Lane open(FileEntry file) throws IOException;

        /**
         * How many lanes are worth their cost on this path.
         *
         * @param most as many as are allowed
         * @return at least one, at most {@code most}
         */
        default int lanes(int most) {
            return most;
        }
    }
}
