package dev.adapterferry.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.SshException;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.apache.sshd.sftp.client.SftpClient;
import org.apache.sshd.sftp.client.SftpClientFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoPartsIT {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String KEY = "key-of-the-test";

    @TempDir
    private Path folder;

    @Test
    void machineShowsItsFilesToTheHolderOfTheKeyOnly() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        try (DemoInstance instance = DemoInstance.start(folder.resolve("ssh")); SshClient client = SshClient.setUpDefaultClient()) {
            client.setServerKeyVerifier((session, address, key) -> true);
            client.start();
            KeyPair right;
            try (var in = Files.newInputStream(instance.loginKey())) {
                right = SecurityUtils.loadKeyPairIdentities(null, instance.loginKey()::toString, in, null).iterator().next();
            }
            Path weights = material.training().resolve("adapter_model.safetensors");
            try (ClientSession session = login(client, instance, "root", right)) {
                String told = session.executeRemoteCommand("wc -c < '" + weights + "'").strip();
                assertThat(told).isEqualTo(Long.toString(Files.size(weights)));
                try (SftpClient sftp = SftpClientFactory.instance().createSftpClient(session); var in = sftp.read(weights.toString())) {
                    assertThat(Sha256.of(in.readAllBytes())).isEqualTo(Sha256.of(weights));
                }
            }
            KeyPair wrong = KeyUtils.generateKeyPair("ecdsa-sha2-nistp256", 256);
            assertThatThrownBy(() -> login(client, instance, "root", wrong)).isInstanceOf(SshException.class);
            assertThatThrownBy(() -> login(client, instance, "nobody", right)).isInstanceOf(SshException.class);
        }
    }

    private static ClientSession login(SshClient client, DemoInstance instance, String user, KeyPair key) throws IOException {
        ClientSession session = client.connect(user, "127.0.0.1", instance.port()).verify(PATIENCE).getSession();
        session.addPublicKeyIdentity(key);
        try {
            session.auth().verify(PATIENCE);
            return session;
        } catch (IOException e) {
            session.close(true);
            throw e;
        }
    }

    @Test
    void apiKnowsTheMachineUntilItIsStopped() throws Exception {
        try (DemoVastApi api = DemoVastApi.start(7, "captain", KEY, 2222)) {
            assertThat(send(api, "GET", "/api/v1/instances/", "", "wrong").statusCode()).isEqualTo(401);
            JsonNode list = json(send(api, "GET", "/api/v1/instances/?limit=25", "", KEY));
            assertThat(list.at("/instances/0/id").asInt()).isEqualTo(7);
            assertThat(list.get("next_token").isNull()).isTrue();
            JsonNode one = json(send(api, "GET", "/api/v0/instances/7/?owner=me", "", KEY)).get("instances");
            assertThat(one.at("/ports").get("22/tcp").get(0).get("HostPort").asText()).isEqualTo("2222");
            assertThat(one.get("actual_status").asText()).isEqualTo("running");
            assertThat(send(api, "PUT", "/api/v0/instances/7/", "{\"state\": \"stopped\"}", KEY).statusCode()).isEqualTo(200);
            JsonNode stopped = json(send(api, "GET", "/api/v0/instances/7/", "", KEY)).get("instances");
            assertThat(stopped.get("actual_status").asText()).isEqualTo("stopped");
            assertThat(stopped.get("ports").isNull()).isTrue();
            assertThat(json(send(api, "GET", "/api/v0/instances/8/", "", KEY)).get("instances").isNull()).isTrue();
            assertThat(api.state()).isEqualTo("stopped");
        }
    }

    @Test
    void secondUnpackingLeavesTheFilesAlone() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path weights = material.base().resolve("model.safetensors");
        Object before = Files.readAttributes(weights, "unix:ino,lastModifiedTime");
        material.unpack();
        assertThat(Files.readAttributes(weights, "unix:ino,lastModifiedTime")).isEqualTo(before);
        Files.writeString(weights, "broken");
        material.unpack();
        assertThat(Files.size(weights)).isGreaterThan(2_000_000);
    }

    private static HttpResponse<String> send(DemoVastApi api, String method, String path, String body, String key) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create(api.address() + path)).method(method, HttpRequest.BodyPublishers.ofString(body))
                    .header("Authorization", "Bearer " + key).build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    private static JsonNode json(HttpResponse<String> response) throws IOException {
        assertThat(response.statusCode()).isEqualTo(200);
        return new ObjectMapper().readTree(response.body());
    }
}
