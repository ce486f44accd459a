package dev.adapterferry.source.ssh;

import dev.adapterferry.transfer.FileChanged;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Lane;
import dev.adapterferry.transfer.SegmentQueue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.common.util.buffer.ByteArrayBuffer;
import org.apache.sshd.sftp.client.RawSftpClient;
import org.apache.sshd.sftp.client.SftpClient;
import org.apache.sshd.sftp.common.SftpConstants;
import org.apache.sshd.sftp.common.SftpException;

/**
 * One SFTP channel that keeps many reads under way. How many adapts to the path: twice the product of the measured rate
 * and the shortest answer time, so a fast short path holds little that a kill would lose, and a long one stays full.
 * SFTP protocol: draft-ietf-secsh-filexfer-02 (version 3), SSH_FXP_READ.
 */
final class SftpLane implements Lane {
    // OpenSSH answers reads of up to 255 KiB (its limits@openssh.com says 261120); older servers send less and are asked again.
    private static final int READ_BYTES = 255 << 10;
    private static final long MIN_WINDOW = 1 << 20;
    private static final long MAX_WINDOW = 24 << 20;

    private final SftpLanes pool;
    private final SftpLanes.Wire wire;
    private final RawSftpClient raw;
    private final FileEntry file;
    private final Duration stall;
    private final SftpClient.CloseableHandle handle;
    private boolean sound = true;

    private long window = MIN_WINDOW;
    private long shortestAnswer = Long.MAX_VALUE;
    private long measuredSince;
    private long measuredBytes;

    /** A read that was asked for. */
    private record Read(int id, SegmentQueue.Segment segment, long offset, int length, long sentAt) { }

    SftpLane(SftpLanes pool, SftpLanes.Wire wire, String path, FileEntry file, Duration stall) throws IOException {
        this.pool = pool;
        this.wire = wire;
        this.raw = (RawSftpClient) wire.sftp();
        this.file = file;
        this.stall = stall;
        try {
            this.handle = wire.sftp().open(path, EnumSet.of(SftpClient.OpenMode.Read));
        } catch (SftpException e) {
            if (e.getStatus() == SftpConstants.SSH_FX_NO_SUCH_FILE) {
                throw new FileChanged("Cannot pull " + file.name() + ": it is gone from " + wire.connection().target().name() + ".");
            }
            throw e;
        }
    }

    @Override
    public void carry(SegmentQueue queue) throws IOException {
        Deque<Read> reads = new ArrayDeque<>();
        long underWay = 0;
        SegmentQueue.Segment segment = queue.next();
        long asked = 0;
        measuredSince = System.nanoTime();
        measuredBytes = 0;
        sound = false;
        while (true) {
            long limit = Math.min(window, queue.burst());
            while (segment != null && (underWay < limit || reads.isEmpty())) {
                int length = (int) Math.min(Math.min(READ_BYTES, limit), segment.length() - asked);
                reads.add(ask(segment, segment.offset() + asked, length));
                underWay += length;
                asked += length;
                if (asked == segment.length()) {
                    segment = queue.next();
                    asked = 0;
                }
            }
            Read read = reads.poll();
            if (read == null) {
                break;
            }
            int got = receive(read);
            underWay -= got;
            if (got < read.length) {
                // The server answered short: the rest comes first, so that the segment's bytes stay in order.
                reads.addFirst(ask(read.segment, read.offset + got, read.length - got));
            }
        }
        sound = true;
    }

    private Read ask(SegmentQueue.Segment segment, long offset, int length) throws IOException {
        byte[] id = handle.getIdentifier();
        Buffer request = new ByteArrayBuffer(id.length + 64, false);
        request.rpos(16);
        request.wpos(16);
        request.putBytes(id);
        request.putLong(offset);
        request.putUInt(length);
        return new Read(raw.send(SftpConstants.SSH_FXP_READ, request), segment, offset, length, System.nanoTime());
    }

    private int receive(Read read) throws IOException {
        Buffer answer = raw.receive(read.id, stall);
        if (answer == null) {
            throw new IOException("nothing came for " + stall.toSeconds() + " s");
        }
        answer.getInt();
        int type = answer.getUByte();
        answer.getInt();
        if (type == SftpConstants.SSH_FXP_DATA) {
            int length = answer.getInt();
            if (length <= 0 || length > read.length || length > answer.available()) {
                throw new IOException("the server answered a read of " + read.length + " bytes with " + length);
            }
            measure(read, length);
            read.segment.write(ByteBuffer.wrap(answer.array(), answer.rpos(), length));
            return length;
        }
        int status = type == SftpConstants.SSH_FXP_STATUS ? answer.getInt() : -1;
        if (status == SftpConstants.SSH_FX_EOF) {
            throw new FileChanged("Cannot pull " + file.name() + " from " + wire.connection().target().name() + ": it was listed with " + file.size()
                    + " bytes and now ends at or before " + read.offset + ". Something is still writing it; try again later.");
        }
        throw new IOException("the server refused a read (SFTP status " + status + ")");
    }

    private void measure(Read read, int length) {
        long now = System.nanoTime();
        shortestAnswer = Math.min(shortestAnswer, now - read.sentAt);
        measuredBytes += length;
        long time = now - measuredSince;
        if (time > Math.max(shortestAnswer, 20_000_000L)) {
            long product = (long) ((double) measuredBytes / time * shortestAnswer);
            window = Math.clamp(2 * product, MIN_WINDOW, MAX_WINDOW);
            measuredSince = now;
            measuredBytes = 0;
        }
    }

    @Override
    public void close() {
        try {
            if (sound) {
                handle.close();
            }
        } catch (IOException e) {
            sound = false;
        }
        pool.giveBack(wire, sound);
    }
}
