package dev.adapterferry.transfer;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Fills segments from a stream that only knows the way from front to back; what lies between them is let go. */
public final class SequentialLane {
    private SequentialLane() { }

    /** A stream's next bytes. */
    @FunctionalInterface
    public interface Source {
        /**
         * Waits for bytes.
         *
         * @return some bytes, or null at the end
         * @throws IOException when the wire failed or fell silent
         */
        ByteBuffer next() throws IOException;
    }

    /**
     * Reads a stream until every segment is filled that the queue has to give in the order of the file.
     *
     * @param source  the stream
     * @param at      offset in the file of its first byte
     * @param segment the first segment to fill, at or behind {@code at}
     * @param queue   gives further ones
     * @param end     offset in the file at which the stream ends
     * @return a segment that the rest of the stream cannot fill; null when none is left
     * @throws IOException when the wire failed, or the stream ended early
     */
    public static SegmentQueue.Segment fill(Source source, long at, SegmentQueue.Segment segment, SegmentQueue queue, long end) throws IOException {
        while (segment != null && at < end) {
            ByteBuffer bytes = source.next();
            if (bytes == null) {
                throw new EOFException("the stream ended at byte " + at + " of " + end);
            }
            while (segment != null && segment.position() >= at && segment.position() - at < bytes.remaining()) {
                int skip = (int) (segment.position() - at);
                int take = (int) Math.min(bytes.remaining() - skip, segment.left());
                segment.write(bytes.slice(bytes.position() + skip, take));
                bytes.position(bytes.position() + skip + take);
                at += skip + take;
                if (segment.left() == 0) {
                    segment = queue.next();
                }
            }
            at += bytes.remaining();
            if (segment != null && segment.position() < at) {
                return segment;
            }
        }
        return segment;
    }
}
