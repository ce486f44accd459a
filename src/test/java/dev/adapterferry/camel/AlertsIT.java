package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import dev.adapterferry.alert.Alert;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import jakarta.mail.internet.MimeMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real alerts.camel.yaml against local receivers: who hears what, in which form, and what becomes of it when nobody takes it. */
class AlertsIT {
    private static final Path INSTALLATION = Path.of("").toAbsolutePath();
    private static final String PASSWORD = "p&ss=w0rd of mail";

    @TempDir
    Path folder;

    private final StubStages stages = new StubStages();
    private final GreenMail mail = new GreenMail(new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP));
    private Receivers receivers;

    @BeforeEach
    void listen() throws IOException {
        receivers = new Receivers();
        mail.start();
        mail.setUser("ferry@example.org", "ferry", PASSWORD);
    }

    @AfterEach
    void hangUp() {
        receivers.close();
        mail.stop();
    }

    private Settings settings(String more) throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  majora: {source: {url: "file:/nowhere"}}
                pipeline: {retries: {attempts: 2, delay: 10ms}, continue-on-error: {evaluate: true}}
                alerts:
                  "on": [started, finished, failed, rolled-back, stopped, unhealthy, refused]
                %s
                """.formatted(folder.resolve("home"), more));
        return new SettingsLoader(INSTALLATION, Map.of()).load(Optional.of(file), Map.of("alerts.email.password", PASSWORD)).settings();
    }

    private String everywhere() {
        return """
                  slack: {enabled: true, webhook-url: "%s", channel: "#training", mention-on-failure: U012AB3CD}
                  discord: {enabled: true, webhook-url: "%s", mention-on-failure: here}
                  webhook: {enabled: true, url: "%s", token: token-of-the-hook}
                """.formatted(receivers.url("/services/T0/B0/slack-key"), receivers.url("/api/webhooks/1/discord-key"), receivers.url("/hook")) + post("ferry");
    }

    private String post(String user) {
        return "  email: {enabled: true, smtp-host: 127.0.0.1, smtp-port: " + mail.getSmtp().getPort() + ", security: none, user: " + user + ", from: ferry@example.org, to: [a@example.org, b@example.org]}\n";
    }

    private FerryApplication ferry(String alerts) throws IOException {
        return FerryApplication.forCommand(settings(alerts), INSTALLATION, Progress.NONE, stages);
    }

    private void awaitPosts(String path, int count) throws Exception {
        Waiting.until(count + " posts at " + path, () -> receivers.at(path).size() >= count);
        assertThat(receivers.at(path)).hasSize(count);
    }

    @Test
    void tellsEveryReceiverInItsOwnForm() throws Exception {
        String slack = "/services/T0/B0/slack-key";
        String discord = "/api/webhooks/1/discord-key";
        try (FerryApplication ferry = ferry(everywhere())) {
            FerryApplication.Outcome done = ferry.carry(RunRequest.of("majora", "command"));
            assertThat(done.state()).isEqualTo(RunState.DONE);
            awaitPosts(slack, 2);
            awaitPosts(discord, 2);
            awaitPosts("/hook", 2);
            awaitMail("[ferry] majora finished");

            JsonNode finished = receivers.at(slack).get(1).json();
            assertThat(finished.path("channel").asText()).isEqualTo("#training");
            assertThat(finished.path("text").asText()).startsWith("majora: finished in ").contains("release 3 is deployed", "Q4_K_M 4.7 GB", "score 0.88", "(run " + done.id() + ").").doesNotContain("@");
            JsonNode told = receivers.at(discord).get(1).json();
            assertThat(told.path("content").asText()).startsWith("majora: finished in ");
            assertThat(told.path("allowed_mentions").path("parse")).isEmpty();
            Receivers.Post hook = receivers.at("/hook").stream().filter(post -> post.json().path("kind").asText().equals("finished")).findFirst().orElseThrow();
            assertThat(hook.authorization()).contains("Bearer token-of-the-hook");
            assertThat(hook.query()).as("nothing of our own in the address").isEmpty();
            assertThat(hook.type()).startsWith("application/json");
            assertThat(hook.json().path("run").asText()).isEqualTo(done.id());
            assertThat(hook.json().path("facts").path("bytes").path("Q4_K_M").asLong()).isEqualTo(4_700_000_000L);
            assertThat(hook.json().path("facts").path("score").asDouble()).isEqualTo(0.875);
            assertThat(hook.json().path("facts").path("seconds").isNumber()).isTrue();
            assertThat(hook.json().at("/facts/stage-seconds").fieldNames()).toIterable().containsExactly("download", "merge", "quantize", "deploy", "health-check", "evaluate");
            assertThat(hook.json().path("trouble").asBoolean()).isFalse();

            stages.at(Stage.MERGE, run -> {
                throw new FerryException("The adapter <has> rank 8, its configuration says 16.");
            });
            FerryApplication.Outcome failed = ferry.carry(RunRequest.of("majora", "command"));
            awaitPosts(slack, 4);
            awaitPosts(discord, 4);
            awaitPosts("/hook", 4);
            assertThat(receivers.at(slack).get(3).json().path("text").asText())
                    .isEqualTo("<@U012AB3CD> majora: failed in merge (run " + failed.id() + "): The adapter &lt;has&gt; rank 8, its configuration says 16.");
            assertThat(receivers.at(discord).get(3).json().path("content").asText()).startsWith("@here majora: failed in merge");
            assertThat(receivers.at(discord).get(3).json().path("allowed_mentions").path("parse").get(0).asText()).isEqualTo("everyone");
            MimeMessage letter = awaitMail("[ferry] majora failed in merge");
            assertThat(letter.getFrom()[0].toString()).isEqualTo("ferry@example.org");
            assertThat(letter.getAllRecipients()).hasSize(2);
            assertThat(letter.getContent().toString()).contains("The adapter <has> rank 8").contains("More: ferry logs " + failed.id());
        }
    }

    private MimeMessage awaitMail(String subject) throws Exception {
        Waiting.until("a mail '" + subject + "'", () -> Arrays.stream(mail.getReceivedMessages()).anyMatch(message -> subject(message).equals(subject)));
        return Arrays.stream(mail.getReceivedMessages()).filter(message -> subject(message).equals(subject)).findFirst().orElseThrow();
    }

    private static String subject(MimeMessage message) {
        try {
            return message.getSubject();
        } catch (jakarta.mail.MessagingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void tellsWhatHappensBesidesRunsAndTheSameTroubleOnlyOnce() throws Exception {
        try (FerryApplication ferry = ferry("  webhook: {enabled: true, url: \"" + receivers.url("/hook") + "\"}\n")) {
            ferry.announcer().announce(Alert.rolledBack("majora", "20261128-majora-1", 4, 3, "it scored 0.20"));
            ferry.announcer().announce(Alert.stopped("majora", "20261128-majora-1", "4711", "stopped", OptionalDouble.of(0.34)));
            ferry.announcer().announce(Alert.refused("routes/pipeline.camel.yaml", "line 12: unknown step"));
            ferry.announcer().announce(Alert.refused("routes/pipeline.camel.yaml", "line 12: unknown step"));
            ferry.announcer().announce(Alert.unhealthy("majora", "no answer within 30s"));
            Waiting.until("four alerts", () -> receivers.at("/hook").size() == 4);
        }
        // Closing has waited for what was under way: a fifth alert would be here.
        assertThat(receivers.at("/hook").stream().map(post -> post.json().path("sentence").asText())).containsExactlyInAnyOrder(
                "majora: release 4 was taken back, release 3 answers again (run 20261128-majora-1): it scored 0.20.",
                "majora: instance 4711 was stopped, which saves $0.34 an hour (run 20261128-majora-1).",
                "Refused routes/pipeline.camel.yaml: line 12: unknown step.", "majora: does not answer as it should: no answer within 30s.");
    }

    @Test
    void saysThatARunWentOnWithoutAStage() throws Exception {
        stages.at(Stage.EVALUATE, run -> {
            throw new FerryException("There is no prompt set.");
        });
        try (FerryApplication ferry = ferry("  webhook: {enabled: true, url: \"" + receivers.url("/hook") + "\"}\n")) {
            ferry.carry(RunRequest.of("majora", "command"));
            awaitPosts("/hook", 2);
            assertThat(receivers.at("/hook").get(1).json().path("sentence").asText()).contains("failed in evaluate").contains("There is no prompt set. The passage went on without it.");
        }
    }

    @Test
    void triesAgainAndNeverFailsARun() throws Exception {
        try (FerryApplication ferry = ferry("  slack: {enabled: true, webhook-url: \"" + receivers.url("/slack") + "\"}\n")) {
            receivers.refuse(2);
            assertThat(ferry.carry(RunRequest.of("majora", "command")).state()).isEqualTo(RunState.DONE);
            Waiting.until("both arrive after two refusals", () -> receivers.at("/slack").size() == 2);
            assertThat(receivers.at("/slack")).as("a webhook has a channel of its own").allSatisfy(post -> assertThat(post.json().has("channel")).isFalse());
            receivers.refuse(Integer.MAX_VALUE);
            assertThat(ferry.carry(RunRequest.of("majora", "inbox")).state()).isEqualTo(RunState.DONE);
        }
        assertThat(receivers.at("/slack")).hasSize(2);
    }

    @Test
    void doesNotSendMailToWhoRefusesTheLoginOrCannotProtectIt() throws Exception {
        try (FerryApplication ferry = ferry(post("somebody-else"))) {
            assertThat(ferry.carry(RunRequest.of("majora", "command")).state()).isEqualTo(RunState.DONE);
        }
        try (FerryApplication ferry = ferry(post("ferry").replace("security: none", "security: starttls"))) {
            assertThat(ferry.carry(RunRequest.of("majora", "command")).state()).isEqualTo(RunState.DONE);
        }
        assertThat(mail.getReceivedMessages()).isEmpty();
    }
}
