package dev.adapterferry.alert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands for Slack, Discord and any other receiver of posts: keeps what it took, and refuses as often as it is told to. */
public final class Receivers implements AutoCloseable {
    private final HttpServer server;
    private final Map<String, List<Post>> posts = new ConcurrentHashMap<>();
    private final AtomicInteger refusals = new AtomicInteger();

    /**
     * A post that was taken.
     *
     * @param authorization that header
     * @param type          content type
     * @param query         what stood behind a question mark in the address
     * @param json          its body
     */
    public record Post(Optional<String> authorization, String type, Optional<String> query, JsonNode json) { }

    /** Listens on a free port. */
    public Receivers() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean refuse = refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
            if (!refuse) {
                at(exchange.getRequestURI().getPath()).add(new Post(Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")),
                        exchange.getRequestHeaders().getFirst("Content-Type"), Optional.ofNullable(exchange.getRequestURI().getRawQuery()), new ObjectMapper().readTree(body)));
            }
            byte[] answer = (refuse ? "busy" : "ok").getBytes();
            exchange.sendResponseHeaders(refuse ? 503 : 200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }

    /** Address of a path. */
    public String url(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    /** What a path has taken so far. */
    public List<Post> at(String path) {
        return posts.computeIfAbsent(path, name -> new CopyOnWriteArrayList<>());
    }

    /** Answers the next posts with 503. */
    public void refuse(int times) {
        refusals.set(times);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
