package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.secret.Secret;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * The server as a process of its own: native code that crashes takes only this process with it. Reads an {@link Order} as one line
 * of JSON on standard input, loads the models, says on standard output where it listens ({@code {"address": ...}}) or why it
 * cannot ({@code {"error": ...}}), and ends when standard input does, so that it never outlives the process that started it.
 */
final class ServerMain {
    static final ObjectMapper JSON = new ObjectMapper();

    private ServerMain() { }

    /** What to serve. A secret has no business in a command line, which every user of the machine can read. */
    record Order(String host, int port, String token, int threads, int gpuLayers, int maxLoaded, List<Item> models) {
        record Item(String name, String file, String systemPrompt, Double temperature, int contextLength) { }
    }

    /** Takes no arguments. */
    public static void main(String[] none) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line = in.readLine();
        if (line == null) {
            Runtime.getRuntime().halt(0);
        }
        CountDownLatch left = new CountDownLatch(1);
        // Ctrl-C reaches the whole group of processes: whoever started this one decides when it ends.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> await(left), "wait-for-the-end"));
        Thread.ofPlatform().name("standard-input").start(() -> {
            drain(in);
            left.countDown();
            // Not exit: a computation in native code would not let go.
            Runtime.getRuntime().halt(0);
        });
        ObjectNode answer = JSON.createObjectNode();
        try {
            answer.put("address", start(JSON.readValue(line, Order.class)).address().toString());
        } catch (FerryException e) {
            answer.put("error", e.getMessage());
        }
        System.out.println(answer);
        System.out.flush();
    }

    private static ModelServer start(Order order) {
        ServerOptions options = new ServerOptions(order.host(), order.port(), Optional.ofNullable(order.token()).map(Secret::new),
                order.threads(), order.gpuLayers(), order.maxLoaded());
        ModelServer server = ModelServer.start(options, order.models().stream()
                .map(item -> new ServedModel(item.name(), Path.of(item.file()), item.systemPrompt(), item.temperature(), item.contextLength())).toList());
        try {
            // What crashes shall crash now, not under the first question.
            order.models().stream().limit(order.maxLoaded()).forEach(item -> server.warmUp(item.name()));
            return server;
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private static void drain(BufferedReader in) {
        try {
            while (in.read() >= 0) {
                // Nobody says anything; the end is the message.
            }
        } catch (IOException e) {
            // A broken pipe is an end as well.
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
