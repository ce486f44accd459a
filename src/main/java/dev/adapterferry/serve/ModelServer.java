package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.llamacpp.EmbeddingModel;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.LlamaLibrary;
import dev.adapterferry.llamacpp.ScoringModel;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves GGUF files with embedded llama.cpp over OpenAI's protocol: {@code GET /v1/models}, {@code POST /v1/chat/completions},
 * {@code POST /v1/completions}, {@code POST /v1/embeddings}, {@code POST /v1/rerank}, {@code GET /health}. Models are loaded when first asked for. Thread-safe; close it to stop.
 *
 * @see <a href="https://platform.openai.com/docs/api-reference/chat">The protocol</a>
 */
public final class ModelServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelServer.class);
    private static final int LARGEST_BODY = 16 << 20;
    private static final int MOST_WAITING = 64;
    private static final Duration GRACE = Duration.ofSeconds(5);
    private static final ThreadFactory COMPUTING = Thread.ofPlatform().daemon().name("model-answer-", 0).factory();

    static {
        // Without it each small event of a stream waits for the acknowledgement of the one before.
        if (System.getProperty("sun.net.httpserver.nodelay") == null) {
            System.setProperty("sun.net.httpserver.nodelay", "true");
        }
    }

    private final ServerOptions options;
    private final HttpServer server;
    private final ModelShelf shelf;
    private final ExecutorService handlers = Executors.newVirtualThreadPerTaskExecutor();
    private final Set<AnswerJob> jobs = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;

    private ModelServer(ServerOptions options, HttpServer server) {
        this.options = options;
        this.server = server;
        this.shelf = new ModelShelf(options.maxLoaded(), model -> load(options, model));
    }

    /**
     * Starts listening; nothing is loaded yet.
     *
     * @param options how to listen and compute
     * @param models  what to offer; {@link #add} offers more
     * @return the running server
     * @throws FerryException when the address is taken, or llama.cpp cannot run on this machine
     */
    public static ModelServer start(ServerOptions options, Collection<ServedModel> models) {
        LlamaLibrary.load();
        try {
            HttpServer http = HttpServer.create(new InetSocketAddress(options.host(), options.port()), 0);
            ModelServer server = new ModelServer(options, http);
            models.forEach(server::add);
            http.setExecutor(server.handlers);
            http.createContext("/", server::handle);
            http.start();
            return server;
        } catch (IOException e) {
            throw new FerryException("Cannot serve models at " + options.host() + ":" + options.port() + ": " + e.getMessage()
                    + ". Another program may listen there; choose another port (0 takes a free one).", e);
        }
    }

    private static Engine load(ServerOptions options, ServedModel model) {
        long start = System.nanoTime();
        Engine engine = switch (ModelUse.of(model.file())) {
            case ANSWERS, REPLIES, FILLS -> new ChatModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers());
            case VECTORS -> new VectorModel(new EmbeddingModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers()));
            case SCORES -> new ScoreModel(new ScoringModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers()));
        };
        LOG.info("Loaded {} from {} in {} ms, context {}", model.name(), model.file(), (System.nanoTime() - start) / 1_000_000, engine.contextLength());
        return engine;
    }

    /** Where it listens, without a trailing slash: {@code http://127.0.0.1:1235}. */
    public URI address() {
        String host = server.getAddress().getAddress().getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + server.getAddress().getPort());
    }

    /** Offers a model; one of the same name is replaced, its answers under way go on. */
    public void add(ServedModel model) {
        shelf.add(model);
    }

    /** Offers a model no longer; answers under way go on. False when there is none of that name. */
    public boolean remove(String name) {
        return shelf.remove(name);
    }

    /**
     * Loads a model now rather than with the first question.
     *
     * @throws FerryException when it cannot be loaded, or is not offered
     */
    public void load(String name) {
        try (ModelShelf.Use use = shelf.use(name).orElseThrow(() -> new FerryException("Model " + name + " is not served here."))) {
            LOG.debug("{} is loaded", use.model().name());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("loading " + name);
        }
    }

    /**
     * Loads a model and lets it compute something small, so that a file which its engine cannot run shows that now.
     *
     * @throws FerryException as {@link #load}
     */
    void warmUp(String name) {
        try (ModelShelf.Use use = shelf.use(name).orElseThrow(() -> new FerryException("Model " + name + " is not served here."))) {
            use.engine().warmUp();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("loading " + name);
        }
    }

    /** Takes a model out of memory; false when it is in use or not loaded. */
    public boolean unload(String name) {
        return shelf.unload(name);
    }

    /** Names of the models in memory. */
    public List<String> loaded() {
        return shelf.loaded();
    }

    private void handle(HttpExchange exchange) {
        try (exchange) {
            try {
                answer(exchange);
            } catch (ApiError e) {
                AnswerWriter.send(exchange, e.status(), e.json());
            } catch (RuntimeException e) {
                LOG.error("A request failed", e);
                AnswerWriter.send(exchange, 500, ApiError.of(500, "internal_error", "The server failed: " + e.getMessage()).json());
            }
        } catch (IOException e) {
            LOG.debug("A client went away: {}", e.getMessage());
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        String method = exchange.getRequestMethod();
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/health") && method.equals("GET")) {
            AnswerWriter.send(exchange, closing ? 503 : 200, JsonNodeFactory.instance.objectNode().put("status", closing ? "stopping" : "ok"));
            return;
        }
        authorize(exchange);
        switch (method + " " + path) {
            case "GET /v1/models" -> {
                ObjectNode list = JsonNodeFactory.instance.objectNode().put("object", "list");
                var data = list.putArray("data");
                shelf.models().forEach(model -> data.add(describe(model)));
                AnswerWriter.send(exchange, 200, list);
            }
            case "POST /v1/chat/completions" -> complete(exchange, CompletionRequest.chat(body(exchange)));
            case "POST /v1/completions" -> complete(exchange, CompletionRequest.completion(body(exchange)));
            case "POST /v1/embeddings" -> {
                VectorRequest request = VectorRequest.parse(body(exchange));
                AnswerWriter.send(exchange, 200, computed(() -> request.answer(shelf)));
            }
            case "POST /v1/rerank" -> {
                RankRequest request = RankRequest.parse(body(exchange));
                AnswerWriter.send(exchange, 200, computed(() -> request.answer(shelf)));
            }
            default -> {
                String name = path.startsWith("/v1/models/") ? path.substring("/v1/models/".length()) : "";
                if (name.isEmpty() || !method.equals("GET")) {
                    throw ApiError.notFound(method, path);
                }
                AnswerWriter.send(exchange, 200, describe(shelf.find(name).orElseThrow(() -> ApiError.modelNotFound(name))));
            }
        }
    }

    private void authorize(HttpExchange exchange) {
        if (options.token().isEmpty()) {
            return;
        }
        byte[] wanted = ("Bearer " + options.token().get().reveal()).getBytes(StandardCharsets.UTF_8);
        String sent = exchange.getRequestHeaders().getFirst("Authorization");
        if (sent == null || !MessageDigest.isEqual(wanted, sent.getBytes(StandardCharsets.UTF_8))) {
            throw ApiError.unauthorized();
        }
    }

    private ObjectNode describe(ServedModel model) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("id", model.name()).put("object", "model");
        try {
            node.put("created", Files.getLastModifiedTime(model.file()).toMillis() / 1000);
        } catch (IOException e) {
            node.put("created", 0);
        }
        return node.put("owned_by", "adapter-ferry").put("state", shelf.loaded().contains(model.name()) ? "loaded" : "not-loaded");
    }

    private static byte[] body(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(LARGEST_BODY + 1);
        if (body.length > LARGEST_BODY) {
            throw ApiError.of(413, "request_too_large", "A request may have " + LARGEST_BODY + " bytes at most.");
        }
        return body;
    }

    private void complete(HttpExchange exchange, CompletionRequest request) throws IOException {
        if (shelf.find(request.model()).isEmpty()) {
            throw ApiError.modelNotFound(request.model());
        }
        if (closing || jobs.size() >= MOST_WAITING) {
            throw closing ? stopping() : ApiError.of(429, "server_busy", MOST_WAITING + " answers are under way or waiting; try again later.");
        }
        AnswerJob job = new AnswerJob(shelf, request);
        jobs.add(job);
        try {
            COMPUTING.newThread(job).start();
            pass(job, new AnswerWriter(exchange, request), request.stream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw stopping();
        } finally {
            // Harmless when it is done; ends it when the client went away.
            job.cancel();
            jobs.remove(job);
        }
    }

    /** On a thread of its own, as answers: native code holds a virtual thread's carrier. */
    private ObjectNode computed(Callable<ObjectNode> answer) {
        if (closing) {
            throw stopping();
        }
        FutureTask<ObjectNode> task = new FutureTask<>(answer);
        COMPUTING.newThread(task).start();
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw error(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw stopping();
        }
    }

    private static void pass(AnswerJob job, AnswerWriter writer, boolean stream) throws IOException, InterruptedException {
        while (true) {
            switch (job.next()) {
                case AnswerJob.Piece piece -> {
                    if (stream) {
                        writer.piece(piece.text());
                    }
                }
                case AnswerJob.Done done -> {
                    if (stream) {
                        writer.endStream(done.generation());
                    } else {
                        writer.whole(done.generation());
                    }
                    return;
                }
                case AnswerJob.Failed failed -> {
                    ApiError error = error(failed.reason());
                    if (!writer.begun()) {
                        throw error;
                    }
                    writer.breakStream(error);
                    return;
                }
            }
        }
    }

    private static ApiError error(Throwable reason) {
        return switch (reason) {
            case ApiError error -> error;
            case GeneratingModel.PromptTooLong e -> ApiError.badRequest("messages", "context_length_exceeded", e.getMessage());
            case Cancelled e -> stopping();
            case FerryException e -> ApiError.badRequest(null, "model_failed", e.getMessage());
            default -> {
                LOG.error("An answer failed", reason);
                yield ApiError.of(500, "internal_error", "The server failed: " + reason);
            }
        };
    }

    private static ApiError stopping() {
        return ApiError.of(503, "server_stopping", "The server is stopping.");
    }

    /** Refuses new questions, lets answers under way finish for five seconds, ends the rest, and frees every model. */
    @Override
    public void close() {
        closing = true;
        long deadline = System.nanoTime() + GRACE.toNanos();
        try {
            while (!jobs.isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        jobs.forEach(AnswerJob::cancel);
        server.stop(0);
        handlers.shutdownNow();
        shelf.close();
    }
}
