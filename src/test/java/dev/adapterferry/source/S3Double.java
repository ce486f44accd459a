package dev.adapterferry.source;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * Plays a store that speaks S3, buckets addressed by path: listings in pages, HEAD, and ranges of objects. Requests must be signed
 * with its access key; the signature itself is not computed. Faults are switched on by the fields.
 */
public final class S3Double implements AutoCloseable {
    public static final String ACCESS_KEY = "AKIAFERRYFERRYFERRY0";

    public final Map<String, byte[]> objects = new TreeMap<>();
    public final List<String> asked = new CopyOnWriteArrayList<>();
    public volatile int pageSize = 2;
    public volatile String encryption;
    /** Objects look as if they had been uploaded in parts: their ETag is no digest. */
    public volatile boolean inParts;
    public volatile int corruptions;

    private final HttpServer server;

    public S3Double() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 50);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        server.setExecutor(Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory()));
        server.createContext("/", this::answer);
        server.start();
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void answer(HttpExchange call) throws IOException {
        try (call) {
            URI uri = call.getRequestURI();
            asked.add(call.getRequestMethod() + " " + uri.getPath());
            String signature = String.valueOf(call.getRequestHeaders().getFirst("Authorization"));
            String[] parts = uri.getPath().substring(1).split("/", 2);
            if (!signature.contains("Credential=" + ACCESS_KEY + "/")) {
                refuse(call, 403, "InvalidAccessKeyId");
            } else if (!parts[0].equals("lake")) {
                refuse(call, 404, "NoSuchBucket");
            } else if (parts.length == 1 || parts[1].isEmpty()) {
                list(call, query(uri));
            } else if (!objects.containsKey(parts[1])) {
                refuse(call, 404, "NoSuchKey");
            } else {
                object(call, objects.get(parts[1]));
            }
        }
    }

    private static Map<String, String> query(URI uri) {
        return Arrays.stream(String.valueOf(uri.getQuery()).split("&")).map(pair -> pair.split("=", 2)).collect(Collectors.toMap(p -> p[0], p -> p.length > 1 ? p[1] : "", (a, b) -> a));
    }

    private void list(HttpExchange call, Map<String, String> query) throws IOException {
        List<String> keys = objects.keySet().stream().filter(k -> k.startsWith(query.getOrDefault("prefix", ""))).filter(k -> k.compareTo(query.getOrDefault("marker", "")) > 0).toList();
        StringBuilder xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>lake</Name><IsTruncated>")
                .append(keys.size() > pageSize).append("</IsTruncated>");
        keys.stream().limit(pageSize).forEach(key -> xml.append("<Contents><Key>").append(key).append("</Key><LastModified>2026-03-01T10:00:00.000Z</LastModified><ETag>&quot;")
                .append(etag(objects.get(key))).append("&quot;</ETag><Size>").append(objects.get(key).length).append("</Size></Contents>"));
        byte[] body = xml.append("</ListBucketResult>").toString().getBytes(StandardCharsets.UTF_8);
        call.getResponseHeaders().set("Content-Type", "application/xml");
        call.sendResponseHeaders(200, body.length);
        call.getResponseBody().write(body);
    }

    private void object(HttpExchange call, byte[] content) throws IOException {
        call.getResponseHeaders().set("ETag", "\"" + etag(content) + "\"");
        call.getResponseHeaders().set("Last-Modified", "Sun, 01 Mar 2026 10:00:00 GMT");
        if (encryption != null) {
            call.getResponseHeaders().set("x-amz-server-side-encryption", encryption);
        }
        if (call.getRequestMethod().equals("HEAD")) {
            call.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
            call.sendResponseHeaders(200, -1);
            return;
        }
        String[] range = call.getRequestHeaders().getFirst("Range").substring("bytes=".length()).split("-");
        byte[] piece = Arrays.copyOfRange(content, Integer.parseInt(range[0]), Math.min(content.length, Integer.parseInt(range[1]) + 1));
        if (piece.length > 1000 && corruptions-- > 0) {
            piece[500] ^= 1;
        }
        call.getResponseHeaders().set("Content-Range", "bytes " + range[0] + "-" + (Integer.parseInt(range[0]) + piece.length - 1) + "/" + content.length);
        call.sendResponseHeaders(206, piece.length);
        call.getResponseBody().write(piece);
    }

    private static void refuse(HttpExchange call, int status, String code) throws IOException {
        byte[] body = ("<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>no</Message></Error>").getBytes(StandardCharsets.UTF_8);
        boolean head = call.getRequestMethod().equals("HEAD");
        call.sendResponseHeaders(status, head ? -1 : body.length);
        if (!head) {
            call.getResponseBody().write(body);
        }
    }

    private String etag(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(content)) + (inParts ? "-2" : "");
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
