package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.settings.Reference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every secret setting holds something recognisable; a run succeeds, one fails, alerts go out and do not; nothing written holds any of it. */
class SecretHygieneIT {
    @TempDir
    Path folder;

    /** Value of each secret setting, and the part of it that must be seen nowhere. */
    private final Map<String, String> values = new LinkedHashMap<>();
    private final List<String> tokens = new ArrayList<>();
    private final StringBuilder printed = new StringBuilder();

    private void hideEverywhere(Receivers receivers) {
        for (Reference.Row row : Reference.rows()) {
            if (row.secret()) {
                String token = "tOkEn" + tokens.size() + "0f" + row.key().replaceAll("[^a-z]", "");
                tokens.add(token);
                values.put(row.key(), switch (row.key()) {
                    case "alerts.slack.webhook-url" -> receivers.url("/services/T0/B0/" + token);
                    case "alerts.webhook.url" -> receivers.url("/hook/" + token);
                    // Nobody listens there: the failing alert speaks of this address.
                    case "alerts.discord.webhook-url" -> "http://127.0.0.1:1/api/webhooks/1/" + token;
                    default -> token;
                });
            }
        }
    }

    private FerryCall ferry(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--config", folder.resolve("ferry.yaml").toString(), "--verbose"));
        values.forEach((key, value) -> all.addAll(List.of("--set", key + "=" + value)));
        FerryCall ended = FerryCall.of(all.toArray(String[]::new));
        printed.append(ended.all());
        return ended;
    }

    @Test
    void nothingThatIsWrittenHoldsASecret() throws Exception {
        GreenMail mail = new GreenMail(new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP));
        mail.start();
        DemoMaterial material = new DemoMaterial(folder.resolve("material"));
        material.unpack();
        try (Receivers receivers = new Receivers()) {
            hideEverywhere(receivers);
            assertThat(values).as("the secrets that the settings know").hasSizeGreaterThan(12).containsKeys("vast.api-key", "vast.ssh-passphrase", "hub.token", "alerts.email.password", "http.token",
                    "source.s3.secret-key", "ledger.password");
            mail.setUser("ferry@example.org", "ferry", values.get("alerts.email.password"));
            try (DemoInstance instance = DemoInstance.start(folder.resolve("material/ssh")); DemoVastApi vast = DemoVastApi.start(7, "captain", values.get("vast.api-key"), instance.port())) {
                Files.writeString(folder.resolve("ferry.yaml"), """
                        home: %s
                        models:
                          captain: {base: %s, source: {instance-id: 7, path: %s}, formats: [Q8_0], primary-format: Q8_0}
                        source: {settle: 0}
                        vast: {api-url: "%s", ssh-key: %s}
                        deploy: {lmstudio: {enabled: never}}
                        serve: {enabled: always}
                        evaluate: {enabled: false}
                        log: {level: trace}
                        pipeline: {retries: {attempts: 1, delay: 10ms}}
                        alerts:
                          "on": [started, finished, failed]
                          slack: {enabled: true}
                          discord: {enabled: true}
                          webhook: {enabled: true}
                          email: {enabled: true, smtp-host: 127.0.0.1, smtp-port: %d, security: none, user: ferry, from: f@example.org, to: [t@example.org]}
                        """.formatted(folder.resolve("home"), material.base(), material.training(), vast.address(), instance.loginKey(), mail.getSmtp().getPort()));
                FerryCall done = ferry("deploy", "captain");
                assertThat(done.code()).as(done.all()).isEqualTo(ExitCode.DONE);
                assertThat(receivers.at("/services/T0/B0/" + tokens.get(index("alerts.slack.webhook-url")))).as("the alerts did go out").hasSize(2);

                values.put("vast.api-key", "tOkEn-that-vast-refuses");
                tokens.add("tOkEn-that-vast-refuses");
                FerryCall failed = ferry("deploy", "captain", "--force");
                assertThat(failed.code()).as(failed.all()).isEqualTo(ExitCode.FAILED);
                ferry("runs", "--json");
                ferry("status");
                ferry("logs", "captain");
                ferry("models", "--json");
            }
        } finally {
            mail.stop();
        }
        assertThat(leaks("the terminal", printed.toString())).isEmpty();
        assertNoFileHoldsAny();
    }

    /** Lines of a text that hold a secret, with the place. */
    private List<String> leaks(String place, String text) {
        return text.lines().filter(line -> tokens.stream().anyMatch(line::contains)).map(line -> place + ": " + line.substring(0, Math.min(line.length(), 400))).toList();
    }

    private int index(String key) {
        return new ArrayList<>(values.keySet()).indexOf(key);
    }

    private void assertNoFileHoldsAny() throws IOException {
        List<String> found = new ArrayList<>();
        int read = 0;
        try (Stream<Path> files = Files.walk(folder.resolve("home"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
                found.addAll(leaks(file.getFileName().toString(), bytes));
                read++;
            }
        }
        assertThat(read).as("ledger, logs, run folders, dead letter").isGreaterThan(10);
        assertThat(found).isEmpty();
    }
}
