package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.JdkHttpCaller;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry pull} against an SSH server that plays the rented machine and a vast.ai API. */
class PullCommandIT {
    @TempDir
    Path folder;

    private DemoMaterial material;
    private DemoInstance instance;
    private DemoVastApi vast;
    private HttpServer receiver;
    private final BlockingQueue<String> alerts = new LinkedBlockingQueue<>();

    @BeforeEach
    void start() throws Exception {
        material = new DemoMaterial(folder);
        material.unpack();
        instance = DemoInstance.start(folder.resolve("ssh"));
        vast = DemoVastApi.start(7, "captain", "demo", instance.port());
        receiver = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        receiver.createContext("/", call -> {
            alerts.add(new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            call.sendResponseHeaders(204, -1);
            call.close();
        });
        receiver.start();
    }

    @AfterEach
    void stop() throws Exception {
        receiver.stop(0);
        vast.close();
        instance.close();
    }

    private void settings(String models, String afterPull) throws IOException {
        Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models: %s
                vast: {api-url: "%s", api-key: demo, ssh-key: %s}
                source: {settle: 0s, after-pull: %s}
                pipeline: {retries: {attempts: 0}}
                routes: {path: %s}
                alerts: {webhook: {enabled: true, url: "http://127.0.0.1:%d/"}}
                """.formatted(folder.resolve("home"), models, vast.address(), instance.loginKey(), afterPull, Path.of("routes").toAbsolutePath(), receiver.getAddress().getPort()));
    }

    private FerryCall ferry(String... arguments) {
        return FerryCall.of(folder.resolve("ferry.yaml"), arguments);
    }

    private String alert(String kind) throws Exception {
        for (String next = alerts.poll(20, TimeUnit.SECONDS); next != null; next = alerts.poll(20, TimeUnit.SECONDS)) {
            JsonNode alert = new ObjectMapper().readTree(next);
            if (alert.path("kind").asText().equals(kind)) {
                return alert.path("sentence").asText();
            }
        }
        throw new AssertionError("no alert of kind " + kind);
    }

    private void startInstance() {
        new JdkHttpCaller().call(HttpCall.json("PUT", URI.create(vast.address() + "/api/v0/instances/7/"), Map.of("Authorization", "Bearer demo"), "{\"state\":\"running\"}", Duration.ofSeconds(5)));
    }

    @Test
    void pullsAModelStopsItsInstanceAndTellsPeople() throws Exception {
        settings("{captain: {source: {instance-id: 7, path: %s}}}".formatted(material.training()), "stop");
        FerryCall first = ferry("pull", "captain");
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.out()).contains("captain: 4 files, 268.1 kB from vast.ai instance 7:").contains("transferred, verified").contains("Instance 7 was stopped, which saves $0.31 per hour");
        assertThat(folder.resolve("home/adapters/captain/adapter_model.safetensors")).hasSameBinaryContentAs(material.training().resolve("adapter_model.safetensors"));
        assertThat(vast.state()).isEqualTo("stopped");
        assertThat(alert("stopped")).startsWith("captain: instance 7 was stopped, which saves $0.31 an hour (run ");

        assertThat(ferry("pull", "captain")).satisfies(stopped -> {
            assertThat(stopped.code()).isEqualTo(ExitCode.FAILED);
            assertThat(stopped.err()).contains("vast.ai instance 7").contains("not running");
        });
        startInstance();
        FerryCall again = ferry("pull", "captain", "--instance-id", "7");
        assertThat(again.code()).isZero();
        assertThat(again.out()).contains("captain: nothing is to be done; 4 files").contains("verified");
    }

    @Test
    void keepsAnInstanceThatAnotherModelStillNeeds() throws Exception {
        Path other = Files.createDirectories(folder.resolve("instance/workspace/output/mate"));
        for (String name : List.of("adapter_model.safetensors", "adapter_config.json", "trainer_state.json")) {
            Files.copy(material.training().resolve(name), other.resolve(name));
        }
        settings("{captain: {source: {instance-id: 7, path: %s}}, mate: {source: {instance-id: 7, path: %s}}}".formatted(material.training(), other), "stop");
        assertThat(ferry("pull", "captain").out()).contains("Instance 7 was kept: mate of it is not home yet.");
        assertThat(vast.state()).isEqualTo("running");
        FerryCall both = ferry("pull", "--all", "--json");
        assertThat(both.code()).as(both.err()).isZero();
        JsonNode list = new ObjectMapper().readTree(both.out());
        assertThat(list).hasSize(2);
        assertThat(list.get(0).path("transferred").asLong()).isZero();
        assertThat(list.get(1).path("files")).hasSize(3);
        assertThat(list.get(1).path("files").get(0).path("sha256").asText()).hasSize(64);
        assertThat(vast.state()).isEqualTo("stopped");

        startInstance();
        Files.writeString(other.resolve("trainer_state.json"), "{\"global_step\":5,\"max_steps\":9,\"log_history\":[]}");
        assertThat(ferry("pull", "captain").out()).as("the other is being trained anew").contains("Instance 7 was kept: mate of it is not home yet.");
        assertThat(vast.state()).isEqualTo("running");
    }

    @Test
    void pullsFromAnySshHostIntoAFolderOfTheUsersOwn() throws Exception {
        settings("{}", "keep");
        String source = "ssh://root@127.0.0.1:" + instance.port() + material.training();
        FerryCall first = ferry("pull", source, "--out", folder.resolve("mine").toString());
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.out()).contains(folder.resolve("mine") + ": 4 files").contains("transferred, verified");
        assertThat(folder.resolve("mine/adapter_config.json")).hasSameBinaryContentAs(material.training().resolve("adapter_config.json"));
        FerryCall again = ferry("pull", source, "--out", folder.resolve("mine").toString(), "--json");
        assertThat(new ObjectMapper().readTree(again.out()).path("transferred").asLong(-1)).isZero();
        assertThat(ferry("pull", source).err()).contains("--out DIR");
        assertThat(ferry("pull", "ssh://root@127.0.0.1:1/nowhere", "--out", folder.resolve("x").toString())).satisfies(silent -> {
            assertThat(silent.code()).isEqualTo(ExitCode.FAILED);
            assertThat(silent.err()).contains("Cannot reach").contains("127.0.0.1:1");
        });
        assertThat(folder.resolve("x")).doesNotExist();
    }

    @Test
    void leavesARunningTrainingAloneAndSaysHowFarItIs() throws Exception {
        Files.writeString(material.training().resolve("trainer_state.json"), "{\"global_step\":120,\"max_steps\":450,\"log_history\":[]}");
        settings("{captain: {source: {instance-id: 7, path: %s}}, mate: {source: {path: /nowhere}}}".formatted(material.training()), "destroy");
        FerryCall running = ferry("pull", "--all");
        assertThat(running.code()).isEqualTo(ExitCode.FAILED);
        assertThat(running.err()).contains("step 120 of 450").contains("--accept-unfinished").contains("left out: Cannot tell where the adapter of mate comes from");
        assertThat(folder.resolve("home/adapters/captain")).doesNotExist();
        assertThat(vast.state()).isEqualTo("running");
        FerryCall accepted = ferry("pull", "captain", "--accept-unfinished", "--set", "source.after-pull=keep");
        assertThat(accepted.code()).as(accepted.err()).isZero();
        settings("{mate: {source: {path: /nowhere}}}", "keep");
        assertThat(ferry("pull", "--all").code()).as("nothing to pull is no success").isEqualTo(ExitCode.SETTINGS);
    }
}
