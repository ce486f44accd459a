package dev.adapterferry.hub;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Plays the hub, and on another port the storage that it redirects large files to. Follows the documented protocol: commit,
 * size and digest in the headers of the redirect, error codes in {@code X-Error-Code}. Faults are switched on by the fields.
 */
public final class HubDouble implements AutoCloseable {
    public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    public final Map<String, byte[]> files = new TreeMap<>();
    public final List<String> asked = new CopyOnWriteArrayList<>();
    final List<String> tokensAtStorage = new CopyOnWriteArrayList<>();
    public final AtomicLong served = new AtomicLong();
    final AtomicInteger corruptions = new AtomicInteger();
    final AtomicInteger busy = new AtomicInteger();
    public final AtomicInteger stalls = new AtomicInteger();
    /** Only files of this size stall. */
    public volatile int stallFrom;
    public volatile String repository = "org/tiny";
    volatile String commit = COMMIT;
    volatile String requiredToken;
    volatile int refuseWith;
    volatile String refuseCode;
    volatile String refuseMessage;
    volatile int cutAfter = Integer.MAX_VALUE;
    volatile boolean ignoreRanges;
    volatile boolean encode;
    volatile boolean damagedAtStorage;
    volatile boolean sparing;

    private final HttpServer hub = server();
    private final HttpServer storage = server();

    public HubDouble() {
        hub.createContext("/", this::hub);
        storage.createContext("/", this::storage);
        hub.start();
        storage.start();
    }

    private static HttpServer server() {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 50);
            server.setExecutor(Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory()));
            return server;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    HubDouble file(String name, String text) {
        return file(name, text.getBytes(StandardCharsets.UTF_8));
    }

    public HubDouble file(String name, byte[] bytes) {
        files.put(name, bytes);
        return this;
    }

    private static boolean isLarge(String name) {
        return name.endsWith(".safetensors") || name.endsWith(".bin");
    }

    static String sha256(byte[] bytes) {
        return digest("SHA-256", bytes);
    }

    static String gitBlob(byte[] bytes) {
        byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = java.util.Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, all, head.length, bytes.length);
        return digest("SHA-1", all);
    }

    private static String digest(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void hub(HttpExchange call) throws IOException {
        try (call) {
            String path = call.getRequestURI().getPath();
            asked.add(call.getRequestMethod() + " " + path);
            if (busy.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                call.getResponseHeaders().set("ratelimit", "\"api\";r=0;t=7");
                call.sendResponseHeaders(429, -1);
                return;
            }
            String token = call.getRequestHeaders().getFirst("Authorization");
            if (refuseWith > 0 || requiredToken != null && !("Bearer " + requiredToken).equals(token)) {
                if (refuseCode != null) {
                    call.getResponseHeaders().set("X-Error-Code", refuseCode);
                }
                if (refuseMessage != null) {
                    call.getResponseHeaders().set("X-Error-Message", refuseMessage);
                }
                call.getResponseHeaders().set("x-request-id", "Root=1-abc");
                call.sendResponseHeaders(refuseWith > 0 ? refuseWith : 401, -1);
                return;
            }
            if (path.startsWith("/api/models/old/name")) {
                call.getResponseHeaders().set("Location", path.replace("old/name", repository) + "?blobs=true");
                call.sendResponseHeaders(307, -1);
            } else if (path.equals("/api/models/" + repository + "/revision/main") || path.equals("/api/models/" + repository + "/revision/" + commit)) {
                answer(call, 200, model().toString().getBytes(StandardCharsets.UTF_8));
            } else if (path.startsWith("/" + repository + "/resolve/" + COMMIT + "/")) {
                resolve(call, path.substring(("/" + repository + "/resolve/" + COMMIT + "/").length()));
            } else {
                call.getResponseHeaders().set("X-Error-Code", path.contains(repository) ? "RevisionNotFound" : "RepoNotFound");
                call.sendResponseHeaders(404, -1);
            }
        }
    }

    private ObjectNode model() {
        ObjectNode model = JsonNodeFactory.instance.objectNode().put("id", repository).put("sha", commit).put("gated", false);
        ArrayNode siblings = model.putArray("siblings");
        files.forEach((name, bytes) -> {
            ObjectNode file = siblings.addObject().put("rfilename", name);
            if (sparing) {
                return;
            }
            file.put("size", bytes.length).put("blobId", gitBlob(isLarge(name) ? "pointer".getBytes(StandardCharsets.UTF_8) : bytes));
            if (isLarge(name)) {
                file.putObject("lfs").put("sha256", sha256(bytes)).put("size", bytes.length).put("pointerSize", 134);
            }
        });
        return model;
    }

    private void resolve(HttpExchange call, String name) throws IOException {
        byte[] bytes = files.get(name);
        call.getResponseHeaders().set("X-Repo-Commit", COMMIT);
        if (bytes == null) {
            call.getResponseHeaders().set("X-Error-Code", "EntryNotFound");
            call.sendResponseHeaders(404, -1);
        } else if (isLarge(name)) {
            call.getResponseHeaders().set("X-Linked-Etag", "\"" + sha256(bytes) + "\"");
            call.getResponseHeaders().set("X-Linked-Size", Integer.toString(bytes.length));
            call.getResponseHeaders().set("Location", "http://127.0.0.1:" + storage.getAddress().getPort() + "/signed/" + name + "?Signature=abc");
            call.sendResponseHeaders(302, -1);
        } else {
            call.getResponseHeaders().set("ETag", "W/\"" + gitBlob(bytes) + "\"");
            serve(call, bytes);
        }
    }

    private void storage(HttpExchange call) throws IOException {
        try (call) {
            if (call.getRequestHeaders().containsKey("Authorization")) {
                tokensAtStorage.add(call.getRequestHeaders().getFirst("Authorization"));
                call.sendResponseHeaders(400, -1);
                return;
            }
            byte[] bytes = files.get(call.getRequestURI().getPath().substring("/signed/".length()));
            if (damagedAtStorage) {
                bytes = bytes.clone();
                bytes[bytes.length / 3] ^= 4;
            }
            serve(call, bytes);
        }
    }

    private void serve(HttpExchange call, byte[] bytes) throws IOException {
        if (call.getRequestMethod().equals("HEAD")) {
            call.getResponseHeaders().set("Content-Length", Integer.toString(bytes.length));
            call.sendResponseHeaders(200, -1);
            return;
        }
        int from = 0;
        int to = bytes.length - 1;
        String range = call.getRequestHeaders().getFirst("Range");
        if (range != null && !ignoreRanges) {
            String[] ends = range.substring("bytes=".length()).split("-");
            from = Integer.parseInt(ends[0]);
            to = Math.min(to, Integer.parseInt(ends[1]));
            call.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + to + "/" + bytes.length);
        }
        if (encode) {
            call.getResponseHeaders().set("Content-Encoding", "gzip");
        }
        byte[] piece = java.util.Arrays.copyOfRange(bytes, from, to + 1);
        if (corruptions.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            piece[piece.length / 2] ^= 1;
        }
        call.sendResponseHeaders(range != null && !ignoreRanges ? 206 : 200, piece.length);
        OutputStream out = call.getResponseBody();
        int end = Math.min(piece.length, cutAfter);
        if (bytes.length >= stallFrom && stalls.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            out.write(piece, 0, end / 2);
            out.flush();
            served.addAndGet(end / 2);
            awaitClosing();
            return;
        }
        for (int at = 0; at < end; at += 64 << 10) {
            int length = Math.min(64 << 10, end - at);
            out.write(piece, at, length);
            served.addAndGet(length);
        }
        out.flush();
    }

    /** Keeps the connection open and silent until the double is closed. */
    private synchronized void awaitClosing() {
        try {
            wait(20_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void answer(HttpExchange call, int status, byte[] body) throws IOException {
        call.sendResponseHeaders(status, body.length);
        call.getResponseBody().write(body);
    }

    @Override
    public synchronized void close() {
        notifyAll();
        hub.stop(0);
        storage.stop(0);
    }
}
