package dev.adapterferry.transfer;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** What one lane still has to carry: hands out missing stretches of the file, and takes their bytes. One thread's own. */
public final class SegmentQueue {
    private final Segments segments;
    private final List<Segment> leased = new ArrayList<>();

    SegmentQueue(Segments segments) {
        this.segments = segments;
    }

    /**
     * The next missing stretch, from now on this lane's.
     *
     * @return a segment, or null when nothing is left to hand out
     */
    public Segment next() {
        Segments.Stretch stretch = segments.lease();
        if (stretch == null) {
            return null;
        }
        Segment segment = new Segment(stretch.firstBlock(), stretch.blocks());
        leased.add(segment);
        return segment;
    }

    /**
     * How many bytes a lane should have asked for and not yet received: with a bandwidth limit a quarter of a second's
     * worth, so that the far side does not send a burst that this side then only holds back.
     *
     * @return bytes, {@link Long#MAX_VALUE} without a limit
     */
    public long burst() {
        return segments.burst();
    }

    /** Hands back what this lane did not finish. */
    void release() {
        for (Segment segment : leased) {
            segment.release();
        }
        leased.clear();
    }

    /** A stretch of whole blocks; its bytes are written strictly in order. */
    public final class Segment {
        private final long offset;
        private final long length;
        private final int endBlock;
        private final CRC32C crc = new CRC32C();
        private int block;
        private long written;
        private long inBlock;

        private Segment(int firstBlock, int blocks) {
            this.block = firstBlock;
            this.endBlock = firstBlock + blocks;
            this.offset = (long) firstBlock * PartFile.BLOCK;
            this.length = Math.min((long) blocks * PartFile.BLOCK, segments.part().size() - offset);
        }

        /** First byte of the stretch in the file. */
        public long offset() {
            return offset;
        }

        /** Bytes of the stretch. */
        public long length() {
            return length;
        }

        /** Offset in the file of the byte that is to be written next. */
        public long position() {
            return offset + written;
        }

        /** Bytes that are still to be written. */
        public long left() {
            return length - written;
        }

        /**
         * Takes the next bytes; waits here when the bandwidth limit is reached.
         *
         * @param bytes the bytes that follow those written so far; consumed
         * @throws dev.adapterferry.failure.Cancelled      when a stop was requested
         * @throws dev.adapterferry.failure.FerryException when they cannot be written to disk
         */
        public void write(ByteBuffer bytes) {
            if (bytes.remaining() > left()) {
                throw new IllegalStateException("the lane sends " + (bytes.remaining() - left()) + " bytes past its segment");
            }
            int count = bytes.remaining();
            while (bytes.hasRemaining()) {
                long blockLength = segments.part().blockLength(block);
                int take = (int) Math.min(bytes.remaining(), blockLength - inBlock);
                ByteBuffer piece = bytes.slice(bytes.position(), take);
                crc.update(piece.duplicate());
                segments.part().write(offset + written, piece);
                bytes.position(bytes.position() + take);
                written += take;
                inBlock += take;
                if (inBlock == blockLength) {
                    segments.part().complete(block, crc);
                    crc.reset();
                    inBlock = 0;
                    block++;
                }
            }
            segments.received(count);
        }

        private void release() {
            segments.release(block, endBlock, inBlock);
        }
    }
}
