package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a server answers over OpenAI's protocol: who may ask, which request asks what, and answers as they are computed. */
final class ModelApi {
    private static final Logger LOG = LoggerFactory.getLogger(ModelApi.class);
    private static final int LARGEST_BODY = 16 << 20;
    private static final int MOST_WAITING = 64;
    private static final ThreadFactory COMPUTING = Thread.ofPlatform().daemon().name("model-answer-", 0).factory();

    private final ModelShelf shelf;
    private final Optional<Secret> token;
    private final Set<AnswerJob> jobs = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;

    /**
     * @param shelf has the models
     * @param token what everybody must bring who asks for more than whether the server lives; empty for nothing
     */
    ModelApi(ModelShelf shelf, Optional<Secret> token) {
        this.shelf = shelf;
        this.token = token;
    }

    /** Answers one request, whatever becomes of it. */
    void handle(HttpExchange exchange) {
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
        if (token.isEmpty()) {
            return;
        }
        byte[] wanted = ("Bearer " + token.get().reveal()).getBytes(StandardCharsets.UTF_8);
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

    /** Refuses new questions, lets answers under way finish for some time, and ends the rest. */
    void stop(Duration grace) {
        closing = true;
        long deadline = System.nanoTime() + grace.toNanos();
        try {
            while (!jobs.isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        jobs.forEach(AnswerJob::cancel);
    }
}
