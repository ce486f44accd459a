package dev.adapterferry.modelserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Behaves like LM Studio's server as far as its documents, its clients' source and its users' reports describe it, traps
 * included: 200 for unknown paths, an index that lags behind the directory, a second load that makes {@code :2}, the only
 * loaded model answering for any name, one key for all variants of a folder, settings of the app ignored.
 */
public final class LmStudioDouble implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A loaded instance: file it was loaded from, context it was loaded with. */
    public record Instance(String key, Path file, String quantization, long context) { }

    /** How this server behaves; change before use. */
    public volatile boolean nativeV1 = true;
    public volatile boolean nativeV0 = true;
    public volatile boolean justInTime = true;
    /** Listings that still show the old index after a change. */
    public volatile int indexDelay;
    /** When positive, loads ignore the wanted context. */
    public volatile long forcedContext;
    public volatile String token;
    /** (installed file, last user message) to the answer. */
    public volatile BiFunction<Path, String, String> brain = (file, prompt) -> "You said: " + prompt;
    public volatile String reasoning = "";
    public volatile long millisPerToken;
    public volatile int failuresBeforeAnswer;
    /** File to the words with which it is not loaded, as those that the engine cannot read; null loads it. */
    public volatile Function<Path, String> refusal = file -> null;
    /** Hears of each request before it is acted on: {@code POST /api/v1/models/load}. */
    public volatile Consumer<String> listener = request -> { };

    public final List<String> requests = new ArrayList<>();
    /** Bodies of the chat requests. */
    public final List<JsonNode> questions = Collections.synchronizedList(new ArrayList<>());
    public final Map<String, Instance> instances = new LinkedHashMap<>();
    private final Path models;
    private final HttpServer server;
    private Map<String, Map<String, Path>> index = new TreeMap<>();
    private Map<String, Map<String, Path>> seen = new TreeMap<>();
    private int lag;

    public LmStudioDouble(Path models) {
        this.models = models;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::handle);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    public URI base() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    public Endpoint endpoint() {
        return new Endpoint(base(), token == null ? null : new dev.adapterferry.secret.Secret(token), Duration.ofSeconds(10));
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String method = exchange.getRequestMethod();
            byte[] body = exchange.getRequestBody().readAllBytes();
            synchronized (this) {
                requests.add(method + " " + path);
            }
            listener.accept(method + " " + path);
            if (token != null && !("Bearer " + token).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                send(exchange, 401, "{\"error\":{\"type\":\"invalid_request\",\"code\":\"invalid_api_key\",\"message\":\"Invalid API key\"}}");
                return;
            }
            JsonNode request = body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
            switch (method + " " + path) {
                case "GET /lmstudio-greeting" -> send(exchange, 200, "{\"lmstudio\":true}");
                case "GET /v1/models" -> send(exchange, 200, openAiModels().toString());
                case "POST /v1/chat/completions" -> chat(exchange, request);
                default -> {
                    if (nativeV1 && nativeV1(exchange, method + " " + path, request) || nativeV0 && nativeV0(exchange, method + " " + path)) {
                        return;
                    }
                    send(exchange, 200, "{\"error\":\"Unexpected endpoint or method. (" + method + " " + path + ")\"}");
                }
            }
        }
    }

    private boolean nativeV1(HttpExchange exchange, String call, JsonNode request) throws IOException {
        switch (call) {
            case "GET /api/v1/models" -> send(exchange, 200, v1Models().toString());
            case "POST /api/v1/models/load" -> load(exchange, request);
            case "POST /api/v1/models/unload" -> {
                synchronized (this) {
                    String id = request.path("instance_id").asText();
                    if (instances.remove(id) == null) {
                        send(exchange, 404, "{\"error\":{\"type\":\"model_not_found\",\"message\":\"No instance " + id + "\"}}");
                    } else {
                        send(exchange, 200, JSON.createObjectNode().put("instance_id", id).toString());
                    }
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean nativeV0(HttpExchange exchange, String call) throws IOException {
        if (!call.equals("GET /api/v0/models")) {
            return false;
        }
        ObjectNode body = JSON.createObjectNode().put("object", "list");
        ArrayNode data = body.putArray("data");
        synchronized (this) {
            index().forEach((key, variants) -> {
                Instance loaded = instances.values().stream().filter(instance -> instance.key().equals(key)).findFirst().orElse(null);
                Path file = loaded == null ? variants.values().iterator().next() : loaded.file();
                ObjectNode model = data.addObject().put("id", key).put("object", "model").put("type", "llm").put("publisher", publisher(file)).put("arch", "qwen2")
                        .put("compatibility_type", "gguf").put("quantization", quantization(file)).put("state", loaded == null ? "not-loaded" : "loaded").put("max_context_length", 32768);
                if (loaded != null) {
                    model.put("loaded_context_length", loaded.context());
                }
            });
        }
        send(exchange, 200, body.toString());
        return true;
    }

    private synchronized ObjectNode openAiModels() {
        ObjectNode body = JSON.createObjectNode().put("object", "list");
        ArrayNode data = body.putArray("data");
        (justInTime ? index().keySet() : instances.keySet()).forEach(id -> data.addObject().put("id", id).put("object", "model").put("owned_by", "organization_owner"));
        return body;
    }

    private synchronized ObjectNode v1Models() {
        ObjectNode body = JSON.createObjectNode();
        ArrayNode list = body.putArray("models");
        index().forEach((key, variants) -> {
            Instance first = instances.values().stream().filter(instance -> instance.key().equals(key)).findFirst().orElse(null);
            Path file = first == null ? variants.values().iterator().next() : first.file();
            ObjectNode model = list.addObject().put("type", "llm").put("publisher", publisher(file)).put("key", key).put("display_name", key).put("architecture", "qwen2");
            model.putObject("quantization").put("name", quantization(file)).put("bits_per_weight", 4);
            model.put("size_bytes", size(file)).put("max_context_length", 32768).put("format", "gguf");
            ArrayNode loaded = model.putArray("loaded_instances");
            instances.forEach((id, instance) -> {
                if (instance.key().equals(key)) {
                    loaded.addObject().put("id", id).putObject("config").put("context_length", instance.context());
                }
            });
            ArrayNode names = model.putArray("variants");
            variants.keySet().forEach(variant -> names.add(key + "@" + variant));
            model.put("selected_variant", key + "@" + quantization(file).toLowerCase(Locale.ROOT));
        });
        return body;
    }

    private synchronized void load(HttpExchange exchange, JsonNode request) throws IOException {
        String asked = request.path("model").asText();
        String key = asked.replaceFirst("@.*", "");
        Map<String, Path> variants = index().get(key);
        String variant = asked.contains("@") ? asked.substring(asked.indexOf('@') + 1) : null;
        if (variants == null || variant != null && !variants.containsKey(variant)) {
            send(exchange, 404, "{\"error\":{\"type\":\"model_not_found\",\"message\":\"Model not found: " + asked + "\"}}");
            return;
        }
        Path file = variant == null ? variants.values().iterator().next() : variants.get(variant);
        String id = key;
        for (int n = 2; instances.containsKey(id); n++) {
            id = key + ":" + n;
        }
        if (refusal.apply(file) != null) {
            send(exchange, 400, JSON.createObjectNode().set("error", JSON.createObjectNode().put("type", "invalid_request").put("message", "Failed to load model: " + refusal.apply(file))).toString());
            return;
        }
        long context = forcedContext > 0 ? forcedContext : request.path("context_length").asLong(4096);
        instances.put(id, new Instance(key, file, quantization(file), context));
        ObjectNode body = JSON.createObjectNode().put("type", "llm").put("instance_id", id).put("load_time_seconds", 0.1).put("status", "loaded");
        if (request.path("echo_load_config").asBoolean()) {
            body.putObject("load_config").put("context_length", context);
        }
        send(exchange, 200, body.toString());
    }

    private void chat(HttpExchange exchange, JsonNode request) throws IOException {
        questions.add(request);
        String asked = request.path("model").asText();
        String id;
        Instance instance;
        synchronized (this) {
            if (failuresBeforeAnswer > 0) {
                failuresBeforeAnswer--;
                send(exchange, 503, "{\"error\":{\"message\":\"busy\"}}");
                return;
            }
            String key = asked.replaceFirst("@.*", "");
            if (instances.containsKey(key)) {
                id = key;
            } else if (justInTime && index().containsKey(key)) {
                Path file = index().get(key).values().iterator().next();
                instances.put(key, new Instance(key, file, quantization(file), 4096));
                id = key;
            } else if (instances.size() == 1) {
                id = instances.keySet().iterator().next();
            } else {
                send(exchange, 404, "{\"error\":{\"message\":\"Model '" + asked + "' not found\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}");
                return;
            }
            instance = instances.get(id);
        }
        JsonNode messages = request.path("messages");
        String answer = brain.apply(instance.file(), messages.path(messages.size() - 1).path("content").asText());
        String[] tokens = answer.isEmpty() ? new String[0] : answer.split("(?<= )");
        int limit = Math.min(tokens.length, request.path("max_tokens").asInt(-1) < 0 ? Integer.MAX_VALUE : request.path("max_tokens").asInt());
        String finish = limit < tokens.length ? "length" : "stop";
        if (!request.path("stream").asBoolean()) {
            ObjectNode body = JSON.createObjectNode().put("id", "chatcmpl-1").put("object", "chat.completion").put("model", id);
            ObjectNode message = JSON.createObjectNode().put("role", "assistant").put("content", String.join("", List.of(tokens).subList(0, limit)));
            if (!reasoning.isEmpty()) {
                message.put("reasoning_content", reasoning);
            }
            body.putArray("choices").addObject().put("index", 0).put("finish_reason", finish).set("message", message);
            body.putObject("usage").put("prompt_tokens", 5).put("completion_tokens", limit).put("total_tokens", 5 + limit);
            send(exchange, 200, body.toString());
            return;
        }
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        try (OutputStream out = exchange.getResponseBody()) {
            if (!reasoning.isEmpty()) {
                event(out, id, JSON.createObjectNode().put("reasoning_content", reasoning), null);
            }
            for (int i = 0; i < limit; i++) {
                pause();
                event(out, id, JSON.createObjectNode().put("content", tokens[i]), null);
            }
            event(out, id, JSON.createObjectNode(), finish);
            if (request.path("stream_options").path("include_usage").asBoolean()) {
                ObjectNode usage = JSON.createObjectNode().put("object", "chat.completion.chunk").put("model", id);
                usage.putArray("choices");
                usage.putObject("usage").put("prompt_tokens", 5).put("completion_tokens", limit).put("total_tokens", 5 + limit);
                write(out, usage.toString());
            }
            write(out, "[DONE]");
        }
    }

    private void pause() {
        try {
            Thread.sleep(millisPerToken);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void event(OutputStream out, String id, ObjectNode delta, String finish) throws IOException {
        ObjectNode chunk = JSON.createObjectNode().put("object", "chat.completion.chunk").put("model", id);
        chunk.putArray("choices").addObject().put("index", 0).put("finish_reason", finish).set("delta", delta);
        write(out, chunk.toString());
    }

    private static void write(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    /** Key of a folder to its variants; lags behind the directory by {@link #indexDelay} listings. */
    private Map<String, Map<String, Path>> index() {
        Map<String, Map<String, Path>> now = scan();
        if (!now.equals(seen)) {
            seen = now;
            lag = indexDelay;
        }
        if (lag > 0) {
            lag--;
        } else {
            index = now;
        }
        return index;
    }

    /** Exactly two levels deep, regular files or hard links, names ending in .gguf. */
    private Map<String, Map<String, Path>> scan() {
        Map<String, Map<String, Path>> found = new TreeMap<>();
        try (Stream<Path> files = Files.walk(models, 3)) {
            files.filter(file -> models.relativize(file).getNameCount() == 3 && file.toString().endsWith(".gguf") && !Files.isSymbolicLink(file)).forEach(file ->
                    found.computeIfAbsent(file.getParent().getFileName().toString().toLowerCase(Locale.ROOT), key -> new TreeMap<>()).put(quantization(file).toLowerCase(Locale.ROOT), file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    private static String publisher(Path file) {
        return file.getParent().getParent().getFileName().toString();
    }

    private static String quantization(Path file) {
        String name = file.getFileName().toString().replaceFirst("\\.gguf$", "");
        return name.substring(name.lastIndexOf('-') + 1).toUpperCase(Locale.ROOT);
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void send(HttpExchange exchange, int status, String json) throws IOException {
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }
}
