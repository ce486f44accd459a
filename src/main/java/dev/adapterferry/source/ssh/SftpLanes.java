package dev.adapterferry.source.ssh;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Lane;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import org.apache.sshd.sftp.client.SftpClient;

/**
 * A handful of SFTP channels to one machine, each on a connection of its own: one TCP stream and one cipher thread per
 * lane. Connections are opened when first needed and used again for the next file.
 */
final class SftpLanes implements Lane.Opener, Closeable {
    /** An answer within this time comes from so near that one stream fills the path, and only processors bound it. */
    private static final long SHORT_PATH_NANOS = 3_000_000L;

    private final SshConnection first;
    private final String folder;
    private final Duration stall;
    private final Semaphore free;
    private final Deque<Wire> idle = new ArrayDeque<>();
    private boolean closed;
    private Boolean shortPath;

    /** A connection and its SFTP channel. */
    record Wire(SshConnection connection, SftpClient sftp) implements Closeable {
        @Override
        public void close() {
            connection.close();
        }
    }

    /**
     * @param first  the connection that found the machine; its address is used again
     * @param folder folder on the far side that file names are relative to
     * @param lanes  at most this many at once
     * @param stall  a lane that hears nothing for so long is given up
     */
    SftpLanes(SshConnection first, String folder, int lanes, Duration stall) {
        this.first = first;
        this.folder = folder;
        this.stall = stall;
        this.free = new Semaphore(lanes, true);
    }

    @Override
    public Lane open(FileEntry file) throws IOException {
        try {
            free.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
        Wire wire = null;
        try {
            wire = wire();
            return new SftpLane(this, wire, folder + "/" + file.name(), file, stall);
        } catch (IOException | RuntimeException e) {
            if (wire != null) {
                wire.close();
            }
            free.release();
            throw e;
        }
    }

    /** On a short path more lanes than processors only get in each other's way: each has a cipher to feed on both ends. */
    @Override
    public int lanes(int most) {
        return isShortPath() ? Math.min(most, Math.max(2, Runtime.getRuntime().availableProcessors())) : most;
    }

    private synchronized boolean isShortPath() {
        if (shortPath == null) {
            try {
                Wire wire = wire();
                long shortest = Long.MAX_VALUE;
                for (int i = 0; i < 3; i++) {
                    long asked = System.nanoTime();
                    Cancellation.current().interrupting("asking " + first.target().name(), () -> wire.sftp().canonicalPath("."));
                    shortest = Math.min(shortest, System.nanoTime() - asked);
                }
                idle.push(wire);
                shortPath = shortest < SHORT_PATH_NANOS;
            } catch (IOException e) {
                // The lanes will meet the same trouble, and have the patience for it.
                return false;
            }
        }
        return shortPath;
    }

    private Wire wire() throws IOException {
        synchronized (this) {
            while (!idle.isEmpty()) {
                Wire wire = idle.poll();
                if (wire.sftp().isOpen()) {
                    return wire;
                }
                wire.close();
            }
        }
        SshConnection connection = first.again();
        try {
            return new Wire(connection, connection.sftp());
        } catch (IOException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Takes a lane's wire back; a broken one is dropped. */
    void giveBack(Wire wire, boolean sound) {
        synchronized (this) {
            if (sound && !closed && wire.sftp().isOpen()) {
                idle.push(wire);
                wire = null;
            }
        }
        if (wire != null) {
            wire.close();
        }
        free.release();
    }

    @Override
    public synchronized void close() {
        closed = true;
        idle.forEach(Wire::close);
        idle.clear();
    }
}
