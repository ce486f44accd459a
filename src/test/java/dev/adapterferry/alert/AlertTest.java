package dev.adapterferry.alert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.settings.AlertSettings.Event;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AlertTest {
    private static final String RUN = "20261123-235900-majora-4f2c";
    private static final Alert FAILED = Alert.failed("majora", RUN, "quantize", "Cannot write x.gguf: No space left on device.");

    @Test
    void saysEachEventInOneSentenceWithTheRunsId() {
        Map<String, Long> sizes = new LinkedHashMap<>();
        sizes.put("Q4_K_M", 4_683_073_536L);
        sizes.put("Q8_0", 8_098_525_888L);
        assertThat(Alert.started("majora", RUN, "inbox").sentence()).isEqualTo("majora: started by inbox (run " + RUN + ").");
        assertThat(Alert.finished("majora", RUN, 3, sizes, Duration.ofSeconds(724), OptionalDouble.of(0.82), OptionalDouble.of(0.79)).sentence())
                .isEqualTo("majora: finished in 12 min 4 s, release 3 is deployed, Q4_K_M 4.7 GB, Q8_0 8.1 GB, score 0.82 (before 0.79) (run " + RUN + ").");
        assertThat(Alert.finished("majora", RUN, 0, Map.of(), Duration.ofSeconds(9), OptionalDouble.empty(), OptionalDouble.empty()).sentence())
                .isEqualTo("majora: finished in 9 s (run " + RUN + ").");
        assertThat(FAILED.sentence()).isEqualTo("majora: failed in quantize (run " + RUN + "): Cannot write x.gguf: No space left on device.");
        assertThat(Alert.rolledBack("majora", RUN, 4, 3, "The model repeats itself").sentence())
                .isEqualTo("majora: release 4 was taken back, release 3 answers again (run " + RUN + "): The model repeats itself.");
        assertThat(Alert.rolledBack("majora", null, 1, 0, "").sentence()).isEqualTo("majora: release 1 was taken back, none answers now: no reason was given.");
        assertThat(Alert.stopped("majora", RUN, "12345", "destroyed", OptionalDouble.of(0.344)).sentence())
                .isEqualTo("majora: instance 12345 was destroyed, which saves $0.34 an hour (run " + RUN + ").");
        assertThat(Alert.unhealthy("majora", "No answer from http://127.0.0.1:1234.").sentence()).isEqualTo("majora: does not answer as it should: No answer from http://127.0.0.1:1234.");
        assertThat(Alert.refused("inbox/majroa", "No model 'majroa' in the settings; did you mean 'majora'?").sentence())
                .isEqualTo("Refused inbox/majroa: No model 'majroa' in the settings; did you mean 'majora'?");
    }

    @Test
    void aRollbackOnDemandIsNoTroubleUnlessTheReleaseDoesNotAnswer() {
        Alert wanted = Alert.restored("majora", 4, 3, "ferry rollback", "");
        assertThat(wanted.sentence()).isEqualTo("majora: release 3 is in use instead of release 4, by ferry rollback.");
        assertThat(Messages.slackText(wanted, Optional.of("here"))).isEqualTo(wanted.sentence());
        Alert sick = Alert.restored("majora", 4, 3, "the HTTP API", "no answer within 30s");
        assertThat(Messages.slackText(sick, Optional.of("here"))).isEqualTo("<!here> majora: release 3 is in use instead of release 4, by the HTTP API, but does not answer as it should: no answer within 30s.");
        assertThat(Alert.restored("majora", 0, 3, "ferry rollback", "").sentence()).isEqualTo("majora: release 3 is in use, by ferry rollback.");
    }

    @Test
    void aFinishedRunTellsWhatItChoseAndHowLongItsStagesTook() throws IOException {
        Alert finished = Alert.finished("majora", RUN, 4, Map.of(), Duration.ofSeconds(9), OptionalDouble.of(0.9), OptionalDouble.empty()).lasting(Map.of("merge", 7L)).choosing("Q8_0 is in use now, as release 4");
        assertThat(finished.sentence()).isEqualTo("majora: finished in 9 s, release 4 is deployed, score 0.90; Q8_0 is in use now, as release 4 (run " + RUN + ").");
        assertThat(json(Messages.webhook(finished)).at("/facts/stage-seconds/merge").asInt()).isEqualTo(7);
    }

    @Test
    void aSentenceIsOneLineWhateverTheReasonHolds() {
        assertThat(Alert.failed("majora", RUN, null, "2 settings are wrong:\n  one\r\n  two").sentence()).isEqualTo("majora: failed (run " + RUN + "): 2 settings are wrong:; one; two.");
    }

    @Test
    void slackGetsEscapedTextAndAMentionOnTroubleOnly() throws IOException {
        Alert hostile = Alert.failed("majora", RUN, "merge", "<!channel> a & b <https://evil.example|click>");
        JsonNode message = json(Messages.slack(hostile, Optional.of("#ferry"), Optional.of("@here")));
        assertThat(message.get("text").asText()).startsWith("<!here> majora: failed").contains("&lt;!channel&gt; a &amp; b &lt;https://evil.example|click&gt;");
        assertThat(message.get("channel").asText()).isEqualTo("#ferry");
        assertThat(message.fieldNames()).toIterable().containsExactlyInAnyOrder("text", "unfurl_links", "channel");
        assertThat(Messages.slackText(hostile, Optional.of("U012AB3CD"))).startsWith("<@U012AB3CD> ");
        assertThat(Messages.slackText(hostile, Optional.empty())).startsWith("majora: failed");
        assertThat(Messages.slackText(Alert.started("majora", RUN, "api"), Optional.of("here"))).startsWith("majora: started");
        assertThat(json(Messages.slack(hostile, Optional.empty(), Optional.empty())).has("channel")).isFalse();
    }

    @Test
    void discordCallsNobodyButTheOneThatWasAskedFor() throws IOException {
        Alert hostile = Alert.failed("majora", RUN, "merge", "@everyone look_at_*this* " + "x".repeat(3000));
        JsonNode nobody = json(Messages.discord(hostile, Optional.empty()));
        assertThat(nobody.get("content").asText()).hasSize(2000).endsWith("…").contains("@everyone look\\_at\\_\\*this\\*");
        assertThat(nobody.at("/allowed_mentions/parse")).isEmpty();
        JsonNode user = json(Messages.discord(hostile, Optional.of("<@81384788765712384>")));
        assertThat(user.get("content").asText()).startsWith("<@81384788765712384> majora: failed").hasSize(2000);
        assertThat(user.at("/allowed_mentions/users/0").asText()).isEqualTo("81384788765712384");
        assertThat(user.at("/allowed_mentions/parse")).isEmpty();
        JsonNode here = json(Messages.discord(hostile, Optional.of("here")));
        assertThat(here.get("content").asText()).startsWith("@here ");
        assertThat(here.at("/allowed_mentions/parse/0").asText()).isEqualTo("everyone");
    }

    @Test
    void mailHasAShortSubjectAndTheFacts() {
        assertThat(Messages.mailSubject(FAILED)).isEqualTo("[ferry] majora failed in quantize");
        assertThat(Messages.mailSubject(Alert.rolledBack("majora", RUN, 4, 3, "x"))).isEqualTo("[ferry] majora rolled back");
        assertThat(Messages.mailSubject(Alert.refused("inbox/a\r\nBcc: evil@example.org", "x"))).doesNotContain("\n", "\r").hasSizeLessThanOrEqualTo(120);
        assertThat(Messages.mailSubject(Alert.refused("x".repeat(500), "x"))).hasSize(120);
        assertThat(Messages.mailBody(FAILED)).startsWith(FAILED.sentence() + "\n\n").contains("run: " + RUN + "\n", "stage: quantize\n", "ferry logs " + RUN);
    }

    @Test
    void otherReceiversGetTheFactsAsJson() throws IOException {
        JsonNode message = json(Messages.webhook(Alert.finished("majora", RUN, 3, Map.of("Q4_K_M", 5L), Duration.ofSeconds(2), OptionalDouble.of(0.5), OptionalDouble.empty())));
        assertThat(message.fieldNames()).toIterable().containsExactly("kind", "model", "run", "time", "sentence", "trouble", "facts");
        assertThat(message.get("kind").asText()).isEqualTo("finished");
        assertThat(message.at("/facts/bytes/Q4_K_M").asLong()).isEqualTo(5);
        assertThat(message.at("/facts/score").asDouble()).isEqualTo(0.5);
        assertThat(Instant.parse(message.get("time").asText())).isBefore(Instant.now().plusSeconds(1));
        assertThat(json(Messages.webhook(Alert.refused("x", "y"))).has("model")).isFalse();
    }

    @Test
    void noMessageHoldsASecret() {
        Secret secret = new Secret("alert-test-secret-value");
        Alert alert = Alert.failed("majora", RUN, "download", "401 for key " + secret.reveal() + " and Bearer abcdefgh12345678");
        assertThat(Stream.of(alert.sentence(), alert.toString(), Messages.slack(alert, Optional.empty(), Optional.empty()), Messages.discord(alert, Optional.empty()),
                Messages.mailSubject(alert), Messages.mailBody(alert), Messages.webhook(alert))).allSatisfy(text -> assertThat(text).doesNotContain(secret.reveal(), "abcdefgh12345678"));
    }

    @Test
    void tellsTheSameThingOnceInAWhile() {
        Throttle throttle = new Throttle();
        Duration pause = Duration.ofMinutes(5);
        Instant now = Instant.parse("2026-11-23T12:00:00Z");
        Alert sick = Alert.unhealthy("majora", "No answer.");
        assertThat(throttle.lets(sick, now, pause)).isTrue();
        assertThat(throttle.lets(Alert.unhealthy("majora", "No answer."), now.plusSeconds(299), pause)).isFalse();
        assertThat(throttle.lets(Alert.unhealthy("nayru", "No answer."), now.plusSeconds(299), pause)).isTrue();
        assertThat(throttle.lets(Alert.unhealthy("majora", "Wrong model."), now.plusSeconds(299), pause)).isTrue();
        assertThat(throttle.lets(sick, now.plusSeconds(300), pause)).isTrue();
        assertThat(throttle.lets(Alert.started("majora", "r1", "api"), now, pause)).isTrue();
        assertThat(throttle.lets(Alert.started("majora", "r2", "api"), now, pause)).isTrue();
        assertThat(throttle.lets(Alert.started("majora", "r2", "api"), now, pause)).isFalse();
        assertThat(throttle.lets(Alert.restored("majora", 4, 3, "ferry rollback", ""), now, pause)).isTrue();
        assertThat(throttle.lets(Alert.restored("majora", 3, 4, "ferry rollback", ""), now, pause)).as("another act").isTrue();
        Throttle off = new Throttle();
        assertThat(off.lets(sick, now, Duration.ZERO)).isTrue();
        assertThat(off.lets(sick, now, Duration.ZERO)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"0,0 B", "999,999 B", "1000,1.0 kB", "999949,999.9 kB", "999950,1.0 MB", "4683073536,4.7 GB", "9223372036854775807,9.2 EB"})
    void saysBytesAsPeopleDo(long bytes, String text) {
        assertThat(Amounts.bytes(bytes)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"0,0 s", "59,59 s", "60,1 min 0 s", "3599,59 min 59 s", "3600,1 h 0 min", "90061,25 h 1 min"})
    void saysTimesAsPeopleDo(long seconds, String text) {
        assertThat(Amounts.time(Duration.ofSeconds(seconds))).isEqualTo(text);
    }

    @Test
    void everyKindHasItsWords() {
        for (Event kind : Event.values()) {
            assertThat(new Alert(kind, Optional.of("m"), Optional.of("r"), Map.of(), Instant.now()).sentence()).as(kind.text()).isNotBlank().endsWith(".");
        }
    }

    private static JsonNode json(String text) throws IOException {
        return new ObjectMapper().readTree(text);
    }
}
