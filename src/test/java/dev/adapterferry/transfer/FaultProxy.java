package dev.adapterferry.transfer;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A TCP proxy that does to a connection what networks do: delays, cuts, stalls, and (what a TCP checksum may miss) changed
 * bytes. Faults apply to what the server sends; the count of bytes is over all connections.
 */
public final class FaultProxy implements AutoCloseable {
    private final ServerSocket listener;
    private final int target;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final AtomicLong fromServer = new AtomicLong();
    private final AtomicLong toServer = new AtomicLong();
    private final AtomicInteger connections = new AtomicInteger();
    private volatile long delayNanos;
    private volatile long cutEvery = Long.MAX_VALUE;
    private volatile int cuts;
    private volatile long stallAt = Long.MAX_VALUE;
    private volatile long corruptAt = Long.MAX_VALUE;
    private volatile boolean refusing;
    private volatile String silencing;
    private final AtomicInteger held = new AtomicInteger();

    /** @param target port on loopback that answers behind the proxy */
    public FaultProxy(int target) throws IOException {
        this.target = target;
        this.listener = new ServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        Thread.ofPlatform().daemon().name("fault-proxy").start(this::accept);
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** Bytes that the server has sent so far, over all connections. */
    public long fromServer() {
        return fromServer.get();
    }

    /** Bytes that were passed on to the server so far, over all connections. */
    public long toServer() {
        return toServer.get();
    }

    public int connections() {
        return connections.get();
    }

    /** Adds a delay to each direction. */
    public FaultProxy delay(long millis) {
        delayNanos = millis * 1_000_000;
        return this;
    }

    /** Cuts a connection after the server has sent so many bytes on it, for the first {@code times} connections that get there. */
    public FaultProxy cut(long bytes, int times) {
        cutEvery = bytes;
        cuts = times;
        return this;
    }

    /** Stops forwarding, without closing, when the server has sent so many bytes over all connections; once. */
    public FaultProxy stall(long bytes) {
        stallAt = bytes;
        return this;
    }

    /** From now on no answer comes to a request that contains this text, and its connection stays open and silent; null ends that for new requests. */
    public FaultProxy silence(String request) {
        silencing = request;
        return this;
    }

    /** Connections that a stall or a silence keeps open, and that their client has not closed. */
    public int held() {
        return held.get();
    }

    /** Changes the byte that the server sends at this place, counted over all connections; once. */
    public FaultProxy corrupt(long at) {
        corruptAt = at;
        return this;
    }

    /** Closes what is open and refuses new connections. */
    public void refuse() {
        refusing = true;
        sockets.forEach(FaultProxy::close);
    }

    /** Takes connections again. */
    public void answerAgain() {
        refusing = false;
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing) {
                    close(client);
                    continue;
                }
                connections.incrementAndGet();
                Socket server = new Socket();
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                server.connect(new InetSocketAddress("127.0.0.1", target));
                sockets.add(client);
                sockets.add(server);
                AtomicBoolean silent = new AtomicBoolean();
                new Pump(client, server, false, silent).start();
                new Pump(server, client, true, silent).start();
            } catch (IOException e) {
                if (listener.isClosed()) {
                    return;
                }
            }
        }
    }

    private synchronized boolean takeCut() {
        if (cuts > 0) {
            cuts--;
            return true;
        }
        return false;
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        sockets.forEach(FaultProxy::close);
    }

    /** One direction of one connection: a reader that stamps what comes, and a writer that waits for the stamp. */
    private final class Pump {
        private final Socket from;
        private final Socket to;
        private final boolean faulty;
        /** Of both directions. */
        private final AtomicBoolean silent;
        private final ArrayDeque<Piece> queue = new ArrayDeque<>();
        private long sent;

        private record Piece(byte[] bytes, long due) { }

        Pump(Socket from, Socket to, boolean faulty, AtomicBoolean silent) {
            this.from = from;
            this.to = to;
            this.faulty = faulty;
            this.silent = silent;
        }

        void start() {
            if (delayNanos == 0) {
                Thread.ofPlatform().daemon().start(this::straight);
            } else {
                Thread.ofPlatform().daemon().start(this::read);
                Thread.ofPlatform().daemon().start(this::write);
            }
        }

        private void straight() {
            byte[] buffer = new byte[128 << 10];
            try (from; to) {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    if (!forward(out, buffer, n)) {
                        return;
                    }
                }
            } catch (IOException | InterruptedException e) {
                // the connection ended; its other direction ends with it
            }
        }

        private void read() {
            byte[] buffer = new byte[128 << 10];
            try {
                InputStream in = from.getInputStream();
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    put(new Piece(java.util.Arrays.copyOf(buffer, n), System.nanoTime() + delayNanos));
                }
            } catch (IOException e) {
                // ended
            }
            put(new Piece(null, System.nanoTime() + delayNanos));
        }

        private synchronized void put(Piece piece) {
            queue.add(piece);
            notifyAll();
        }

        private synchronized Piece take() throws InterruptedException {
            while (queue.isEmpty()) {
                wait();
            }
            return queue.poll();
        }

        private void write() {
            try (from; to) {
                OutputStream out = to.getOutputStream();
                for (Piece piece = take(); piece.bytes != null; piece = take()) {
                    long left = piece.due - System.nanoTime();
                    if (left > 0) {
                        java.util.concurrent.TimeUnit.NANOSECONDS.sleep(left);
                    }
                    if (!forward(out, piece.bytes, piece.bytes.length)) {
                        return;
                    }
                }
            } catch (IOException | InterruptedException e) {
                // ended
            }
        }

        private boolean forward(OutputStream out, byte[] bytes, int length) throws IOException, InterruptedException {
            if (faulty) {
                long total = fromServer.addAndGet(length);
                if (total >= stallAt) {
                    stallAt = Long.MAX_VALUE;
                    awaitClosing();
                    return false;
                }
                if (silent.get()) {
                    awaitClosing();
                    return false;
                }
                long at = corruptAt - (total - length);
                if (at >= 0 && at < length) {
                    bytes[(int) at] ^= 0x40;
                    corruptAt = Long.MAX_VALUE;
                }
                sent += length;
                if (sent >= cutEvery && takeCut()) {
                    return false;
                }
            }
            String text = silencing;
            if (!faulty && text != null && new String(bytes, 0, length, StandardCharsets.ISO_8859_1).contains(text)) {
                silent.set(true);
            }
            out.write(bytes, 0, length);
            if (!faulty) {
                toServer.addAndGet(length);
            }
            return true;
        }

        /** The other direction closes both when the client has gone. */
        private void awaitClosing() throws InterruptedException {
            held.incrementAndGet();
            try {
                while (!to.isClosed()) {
                    Thread.sleep(10);
                }
            } finally {
                held.decrementAndGet();
            }
        }
    }
}
