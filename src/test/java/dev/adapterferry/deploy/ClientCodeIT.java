package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.gguf.ModelUse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the generated programs against a server and looks at what arrives there and what they print. */
class ClientCodeIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Everything that once broke a generated script: quotes of all kinds, expansions, escapes, other scripts, marks of the template. */
    private static final String SYSTEM = "You're \"Majora\" `id` $HOME $(id) \\n \\u0041 %s @HEAD@ 100%\nSecond line\twith a tab, ümläut, 漢字, 🎭";
    private static final String QUESTION = "It's \"$00\" : `STA $7E0010` \\ done?\nReally, 漢字?";
    private static final String ANSWER = "Yes: \"quoted\"\n漢字 \\ 🎭";

    @TempDir
    Path directory;

    private HttpServer server;
    private volatile JsonNode received;
    private volatile String authorization;
    private volatile String reply;

    @BeforeEach
    void start() throws IOException {
        reply = "{\"model\":\"majora\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":" + ClientCode.literal(ANSWER) + "}}]}";
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/v1/", exchange -> {
            try (exchange) {
                received = JSON.readTree(exchange.getRequestBody().readAllBytes());
                authorization = exchange.getRequestHeaders().getFirst("Authorization");
                byte[] bytes = reply.getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, bytes.length);
                exchange.getResponseBody().write(bytes);
            }
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void theShellScriptAsksAndPrintsTheAnswer() throws Exception {
        assumeTrue(isInstalled("bash") && isInstalled("curl"), "bash and curl are not both installed");
        String printed = run(0, "bash", write().get(0).toString(), QUESTION);
        assertThatTheRequestArrived();
        assertThat(printed.startsWith("{") ? JSON.readTree(printed).at("/choices/0/message/content").asText() : printed.strip()).isEqualTo(ANSWER);
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/chat/completions)\"}";
        assertThat(run(1, "bash", write().get(0).toString(), QUESTION)).contains("Unexpected endpoint");
    }

    @Test
    void thePythonFileAsksAndPrintsTheAnswer() throws Exception {
        assumeTrue(isInstalled("python3"), "python3 is not installed");
        assertThat(run(0, "python3", write().get(1).toString(), QUESTION).strip()).isEqualTo(ANSWER);
        assertThatTheRequestArrived();
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/chat/completions)\"}";
        assertThat(run(1, "python3", write().get(1).toString(), QUESTION)).contains("Unexpected endpoint");
    }

    @Test
    void theJavaFileAsksAndPrintsTheAnswer() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        assertThat(run(0, java, write().get(2).toString(), QUESTION).strip()).isEqualTo(ANSWER);
        assertThatTheRequestArrived();
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/chat/completions)\"}";
        assertThat(run(1, java, write().get(2).toString(), QUESTION)).contains("Unexpected endpoint");
    }

    @Test
    void ofAModelThatMakesVectorsTheyAskForOne() throws Exception {
        reply = "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.25,-1.5e-3,0]}],\"model\":\"majora\"}";
        Map<String, Path> runnable = runnable(write(ModelUse.VECTORS));
        for (Map.Entry<String, Path> program : runnable.entrySet()) {
            received = null;
            JsonNode printed = JSON.readTree(run(0, program.getKey(), program.getValue().toString(), QUESTION));
            assertThat(printed.isArray() ? printed : printed.at("/data/0/embedding")).as(program.getKey()).isEqualTo(JSON.readTree("[0.25,-1.5e-3,0]"));
            assertThat(received).as(program.getKey()).isEqualTo(JSON.createObjectNode().put("model", "majora@q4_k_m").put("input", QUESTION));
        }
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/embeddings)\"}";
        for (String program : runnable.keySet().stream().skip(1).toList()) {
            assertThat(run(1, program, runnable.get(program).toString(), QUESTION)).contains("Unexpected endpoint");
        }
    }

    @Test
    void ofAModelThatMakesScoresTheyAskForThem() throws Exception {
        reply = "{\"model\":\"majora\",\"results\":[{\"index\":1,\"relevance_score\":0.75},{\"index\":0,\"relevance_score\":-2.5}]}";
        Map<String, Path> runnable = runnable(write(ModelUse.SCORES));
        for (Map.Entry<String, Path> program : runnable.entrySet()) {
            received = null;
            assertThat(run(0, program.getKey(), program.getValue().toString(), QUESTION, "one \"text\"", "another\nline")).as(program.getKey()).contains("0.75", "-2.5");
            assertThat(received).as(program.getKey()).isEqualTo(JSON.readTree("{\"model\":\"majora@q4_k_m\",\"query\":" + ClientCode.literal(QUESTION) + ",\"documents\":[\"one \\\"text\\\"\",\"another\\nline\"]}"));
        }
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/rerank)\"}";
        for (String program : runnable.keySet().stream().skip(1).toList()) {
            assertThat(run(1, program, runnable.get(program).toString(), QUESTION, "a text")).contains("Unexpected endpoint");
        }
    }

    /** By what runs them here, Java first. */
    private static Map<String, Path> runnable(List<Path> programs) {
        Map<String, Path> runnable = new LinkedHashMap<>();
        runnable.put(Path.of(System.getProperty("java.home"), "bin", "java").toString(), programs.get(2));
        if (isInstalled("bash") && isInstalled("curl")) {
            runnable.put("bash", programs.get(0));
        }
        if (isInstalled("python3")) {
            runnable.put("python3", programs.get(1));
        }
        return runnable;
    }

    private void assertThatTheRequestArrived() {
        assertThat(received.path("model").asText()).isEqualTo("majora@q4_k_m");
        assertThat(received.path("temperature").asDouble()).isEqualTo(0.2);
        assertThat(received.at("/messages/0/role").asText()).isEqualTo("system");
        assertThat(received.at("/messages/0/content").asText()).isEqualTo(SYSTEM);
        assertThat(received.at("/messages/1/content").asText()).isEqualTo(QUESTION);
        assertThat(authorization).isEqualTo("Bearer test-token");
    }

    private List<Path> write() {
        return write(ModelUse.ANSWERS);
    }

    private List<Path> write(ModelUse use) {
        URI endpoint = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1/");
        return new ClientCode(endpoint).write(directory.resolve("clients"), new ModelProfile("majora", "acme", "majora", "Q4_K_M", 8192, 0.2, SYSTEM), "majora@q4_k_m", use);
    }

    private String run(int exitCode, String... command) throws Exception {
        List<String> line = new ArrayList<>(Arrays.asList(command));
        ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
        builder.environment().put("LM_API_TOKEN", "test-token");
        // Arguments reach a Java program in the locale's encoding.
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        process.getOutputStream().close();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(printed).isEqualTo(exitCode);
        return printed;
    }

    private static boolean isInstalled(String command) {
        return Arrays.stream(System.getenv("PATH").split(java.io.File.pathSeparator)).anyMatch(folder -> Files.isExecutable(Path.of(folder, command)));
    }
}
