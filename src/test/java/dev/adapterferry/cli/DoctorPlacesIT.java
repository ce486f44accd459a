package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.source.S3Double;
import dev.adapterferry.source.ssh.OpenSshServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The doctor looks at adapters where they lie: behind an OpenSSH server, on a vast.ai instance, in a bucket. Only the configuration and the headers of the weights come here. */
class DoctorPlacesIT {
    @TempDir
    Path folder;
    private DemoMaterial material;

    @BeforeEach
    void unpack() {
        material = new DemoMaterial(folder);
        material.unpack();
    }

    private void settings(String source, String more) throws IOException {
        Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models: {captain: {base: %s, formats: [F32], source: %s}}
                deploy: {lmstudio: {enabled: never}}
                routes: {path: %s}
                %s
                """.formatted(folder.resolve("home"), material.base(), source, Path.of("routes").toAbsolutePath(), more));
    }

    private FerryCall doctor(String... more) {
        FerryCall ended = FerryCall.of(folder.resolve("ferry.yaml"), Stream.concat(Stream.of("doctor", "captain"), Stream.of(more)).toArray(String[]::new));
        assertThat(folder.resolve("home/adapters")).doesNotExist();
        assertThat(folder.resolve("home/ferry.db")).doesNotExist();
        return ended;
    }

    private static void assertWell(FerryCall ended, String place) {
        assertThat(ended.code()).as(ended.out() + ended.err()).isEqualTo(ExitCode.DONE);
        assertThat(ended.out()).contains("ok       adapter       LoRA, rank 8, alpha 16; in " + place).contains("266.3 kB to download").contains("ok       fit           14 tensors of the base are adapted, by names and shapes").contains("at 100 Mbit/s");
    }

    private static void assertFailed(FerryCall ended, String... texts) {
        assertThat(ended.code()).as(ended.out() + ended.err()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(ended.out()).contains("FAILED   adapter").contains(texts).contains("ok       architecture");
    }

    @Test
    void overSsh() throws Exception {
        Files.createDirectories(folder.resolve("sshd"));
        Files.createDirectories(folder.resolve("empty"));
        try (OpenSshServer server = OpenSshServer.start(folder.resolve("sshd"))) {
            String address = "ssh://" + System.getProperty("user.name") + "@127.0.0.1:" + server.port();
            String login = "vast: {ssh-key: " + server.key() + ", known-hosts: " + folder.resolve("known-hosts") + "}";
            settings("{url: \"" + address + material.training() + "\"}", login);
            assertWell(doctor(), System.getProperty("user.name") + "@127.0.0.1:" + server.port());
            assertFailed(doctor("--set", "models.captain.source.url=" + address + folder.resolve("empty")), "There is no adapter_config.json in", "the training has not saved an adapter yet, or the path is another one");
            assertFailed(doctor("--set", "models.captain.source.url=" + address + "/no/such/folder"), "There is no folder /no/such/folder", "Check the model's output path");
        }
    }

    @Test
    void onAnInstanceOfVastAi() throws Exception {
        Files.createDirectories(folder.resolve("sshd"));
        try (OpenSshServer server = OpenSshServer.start(folder.resolve("sshd")); DemoVastApi vast = DemoVastApi.start(7, "captain", "demo", server.port())) {
            String login = "vast: {api-url: \"" + vast.address() + "\", api-key: demo, ssh-key: " + server.key() + ", ssh-user: " + System.getProperty("user.name") + ", known-hosts: " + folder.resolve("known-hosts") + "}";
            settings("{path: " + material.training() + "}", login);
            assertWell(doctor("--instance-id", "7"), "vast.ai instance 7:");
            assertWell(doctor("--set", "vast.instance-label={model}"), "vast.ai instance 7:");
            assertFailed(doctor("--instance-id", "8"), "vast.ai instance 8");
            assertFailed(doctor("--instance-id", "seven"), "'seven' is no vast.ai instance id; expected the number that vast.ai shows");
            assertFailed(doctor("--set", "vast.instance-label=other"), "no vast.ai instance carries the label 'other'", "--instance-id ID or --adapter DIR");
            assertFailed(doctor("--instance-id", "7", "--set", "vast.api-key=wrong"), "key");
            stop(vast.address());
            assertFailed(doctor("--instance-id", "7"), "vast.ai instance 7", "not running");
        }
    }

    private static void stop(URI vast) {
        new JdkHttpCaller().call(HttpCall.json("PUT", URI.create(vast + "/api/v0/instances/7/"), Map.of("Authorization", "Bearer demo"), "{\"state\":\"stopped\"}", Duration.ofSeconds(5)));
    }

    @Test
    void inABucket() throws IOException {
        try (S3Double store = new S3Double()) {
            try (Stream<Path> files = Files.list(material.training())) {
                for (Path file : files.toList()) {
                    store.objects.put("adapters/captain/" + file.getFileName(), Files.readAllBytes(file));
                }
            }
            settings("{url: \"s3://lake/adapters/captain\"}", "source: {s3: {endpoint: \"" + store.endpoint() + "\", access-key: " + S3Double.ACCESS_KEY + ", secret-key: key-of-the-double, path-style: true}}");
            assertWell(doctor(), "s3://lake/adapters/captain");
            assertThat(store.asked).contains("GET /lake/adapters/captain/adapter_config.json").noneMatch(asked -> asked.contains("tokenizer") || asked.contains("README"));
            assertFailed(doctor("--set", "models.captain.source.url=s3://lake/nothing"), "There is nothing at s3://lake/nothing", "Check bucket and prefix");
            assertFailed(doctor("--set", "models.captain.source.url=s3://puddle/x"), "no such bucket", "Check the address");
            assertFailed(doctor("--set", "source.s3.access-key=AKIAOTHER"), "access is refused", "Check the access key");
            assertFailed(doctor("--set", "routes.path=" + folder), "there is no " + folder.resolve("bucket-calls.camel.yaml"), "Set routes.path");
        }
    }
}
