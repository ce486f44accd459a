package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.failure.FerryException;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * An HTTP server on a free loopback port that answers like the vast.ai API for one rented instance: the list (paged form), the
 * single instance (an object under the plural name), and the change of its state. Asks for the bearer key as the real one.
 */
public final class DemoVastApi implements Closeable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double DOLLARS_AN_HOUR = 0.31;

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final long id;
    private final String label;
    private final String key;
    private final int sshPort;
    private volatile String state = "running";

    private DemoVastApi(HttpServer server, long id, String label, String key, int sshPort) {
        this.server = server;
        this.id = id;
        this.label = label;
        this.key = key;
        this.sshPort = sshPort;
    }

    /**
     * Starts the server.
     *
     * @param id      instance id
     * @param label   its label
     * @param key     API key to ask for
     * @param sshPort loopback port of the instance's SSH server
     */
    public static DemoVastApi start(long id, String label, String key, int sshPort) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            DemoVastApi api = new DemoVastApi(server, id, label, key, sshPort);
            server.setExecutor(api.threads);
            server.createContext("/", api::answer);
            server.start();
            return api;
        } catch (IOException e) {
            throw new FerryException("Cannot start the demo's vast.ai API: " + e.getMessage(), e);
        }
    }

    /** Its address. */
    public URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** State of the instance: running or stopped. */
    public String state() {
        return state;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath().replaceAll("/+$", "");
            String method = exchange.getRequestMethod();
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (!("Bearer " + key).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                send(exchange, 401, JSON.createObjectNode().put("success", false).put("error", "auth_error").put("msg", "Invalid user key"));
            } else if (path.matches("/api/v[01]/instances") && method.equals("GET")) {
                ObjectNode list = JSON.createObjectNode().put("success", true).put("instances_found", 1).put("total_instances", 1).putNull("next_token");
                list.putArray("instances").add(instance());
                send(exchange, 200, list);
            } else if (path.equals("/api/v0/instances/" + id) && method.equals("GET")) {
                ObjectNode one = JSON.createObjectNode();
                one.set("instances", instance());
                send(exchange, 200, one);
            } else if (path.equals("/api/v0/instances/" + id) && method.equals("PUT")) {
                state = JSON.readTree(body).path("state").asText(state);
                send(exchange, 200, JSON.createObjectNode().put("success", true));
            } else if (path.matches("/api/v0/instances/\\d+") && method.equals("GET")) {
                send(exchange, 200, JSON.createObjectNode().putNull("instances"));
            } else {
                send(exchange, 404, JSON.createObjectNode().put("success", false).put("error", "no_such_instance").put("msg", "not found"));
            }
        }
    }

    private ObjectNode instance() {
        ObjectNode node = JSON.createObjectNode().put("id", id).put("machine_id", 77).put("label", label).put("actual_status", state).put("intended_status", state)
                .put("cur_state", state).put("image_runtype", "ssh ssh_direc ssh_proxy").put("ssh_host", "127.0.0.1").put("ssh_port", sshPort).put("public_ipaddr", "127.0.0.1 \n")
                .put("gpu_name", "Demo GPU").put("num_gpus", 1).put("gpu_util", 0.0).put("dph_total", DOLLARS_AN_HOUR).put("is_bid", false);
        if (state.equals("running")) {
            node.putObject("ports").putArray("22/tcp").addObject().put("HostIp", "0.0.0.0").put("HostPort", Integer.toString(sshPort));
        } else {
            node.putNull("ports");
        }
        return node;
    }

    private static void send(HttpExchange exchange, int status, ObjectNode body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
