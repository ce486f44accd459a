package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/** Behaves like an Ollama server as its source reads: strict digests, errors in mid-stream under status 200. */
public final class OllamaDouble implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    public final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
    /** Names to the request that created them; Ollama compares names without regard to case. */
    public final Map<String, JsonNode> models = Collections.synchronizedMap(new TreeMap<>(String.CASE_INSENSITIVE_ORDER));
    public final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    public volatile String failure;
    public volatile boolean endEarly;
    private final HttpServer server;

    public OllamaDouble() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::handle);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    public URI base() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String method = exchange.getRequestMethod();
            requests.add(method + " " + path);
            if (path.startsWith("/api/blobs/")) {
                blob(exchange, method, path.substring("/api/blobs/".length()));
                return;
            }
            byte[] body = exchange.getRequestBody().readAllBytes();
            JsonNode request = body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
            switch (method + " " + path) {
                case "GET /api/version" -> send(exchange, 200, "{\"version\":\"0.12.3\"}");
                case "GET /api/tags" -> {
                    ObjectNode list = JSON.createObjectNode();
                    models.keySet().forEach(name -> list.withArray("models").addObject().put("name", name).put("model", name));
                    send(exchange, 200, list.toString());
                }
                case "POST /api/create" -> create(exchange, request);
                case "POST /api/show" -> show(exchange, request.path("model").asText());
                case "POST /api/copy" -> {
                    JsonNode source = models.get(request.path("source").asText());
                    if (source != null) {
                        models.put(request.path("destination").asText(), source);
                    }
                    send(exchange, source == null ? 404 : 200, source == null ? "{\"error\":\"model not found\"}" : "");
                }
                case "DELETE /api/delete" -> send(exchange, models.remove(request.path("model").asText()) == null ? 404 : 200, "");
                default -> send(exchange, 404, "404 page not found");
            }
        }
    }

    private void blob(HttpExchange exchange, String method, String digest) throws IOException {
        if (method.equals("HEAD")) {
            exchange.sendResponseHeaders(blobs.containsKey(digest) ? 200 : 404, -1);
            return;
        }
        if (blobs.containsKey(digest)) {
            // As the real one: answers without reading the body.
            send(exchange, 200, "");
            return;
        }
        byte[] content = exchange.getRequestBody().readAllBytes();
        String found = "sha256:" + Sha256.of(content);
        if (!found.equals(digest)) {
            send(exchange, 400, "{\"error\":\"digest mismatch, expected \\\"" + digest + "\\\", got \\\"" + found + "\\\"\"}");
            return;
        }
        blobs.put(digest, content);
        send(exchange, 201, "");
    }

    private void create(HttpExchange exchange, JsonNode request) throws IOException {
        StringBuilder lines = new StringBuilder("{\"status\":\"parsing GGUF\"}\n");
        JsonNode digest = request.path("files").elements().next();
        if (!blobs.containsKey(digest.asText())) {
            send(exchange, 400, "{\"error\":\"blob not found\"}");
            return;
        }
        if (failure != null) {
            send(exchange, 200, lines.append("{\"error\":\"").append(failure).append("\"}\n").toString());
            return;
        }
        lines.append("{\"status\":\"writing manifest\"}\n");
        if (!endEarly) {
            lines.append("{\"status\":\"success\"}\n");
            models.put(request.path("model").asText(), request);
        }
        send(exchange, 200, lines.toString());
    }

    private void show(HttpExchange exchange, String name) throws IOException {
        JsonNode created = models.get(name);
        if (created == null) {
            send(exchange, 404, "{\"error\":\"model '" + name + "' not found\"}");
            return;
        }
        ObjectNode shown = JSON.createObjectNode();
        if (created.has("system")) {
            shown.set("system", created.get("system"));
        }
        StringBuilder parameters = new StringBuilder();
        created.path("parameters").fields().forEachRemaining(entry -> parameters.append(String.format(Locale.ROOT, "%-30s %s%n", entry.getKey(), entry.getValue().asText())));
        shown.put("parameters", parameters.toString());
        String file = created.path("files").fieldNames().next();
        shown.putObject("details").put("format", "gguf").put("quantization_level", file.replaceAll(".*-|\\.gguf", ""));
        send(exchange, 200, shown.toString());
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }
}
