package dev.adapterferry.secret;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedactionTest {
    @Test
    void secretPrintsAsStars() {
        Secret secret = new Secret("correct-horse-battery");
        assertThat(secret).hasToString("***");
        assertThat("key " + secret).isEqualTo("key ***");
        assertThat(secret.reveal()).isEqualTo("correct-horse-battery");
    }

    @Test
    void masksKnownSecretsInEverySpelling() {
        new Secret("pass/word \"quoted\"");
        assertThat(Redaction.redact("plain pass/word \"quoted\" here")).isEqualTo("plain *** here");
        assertThat(Redaction.redact("url ?k=pass%2Fword+%22quoted%22&b=1")).isEqualTo("url ?k=***&b=1");
        assertThat(Redaction.redact("{\"k\":\"pass/word \\\"quoted\\\"\"}")).isEqualTo("{\"k\":\"***\"}");
    }

    @Test
    void masksALongerSecretBeforeTheOneItContains() {
        new Secret("abcd-inner");
        new Secret("abcd-inner-and-outer");
        assertThat(Redaction.redact("x abcd-inner-and-outer y")).isEqualTo("x *** y");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "Authorization: Bearer abcDEF1234567890 | Authorization: Bearer ***",
        "{\"authorization\":\"Basic dXNlcjpwYXNz\"} | {\"authorization\":\"Basic ***\"}",
        "POST https://hooks.slack.com/services/T00/B00/XXXX failed | POST https://hooks.slack.com/services/*** failed",
        "https://discord.com/api/webhooks/123/abc-def said 404 | https://discord.com/api/webhooks/*** said 404",
        "token hf_abcdefghijklmnopqrstu7 refused | token hf_*** refused",
        "sk-lm-abcdefgh:ijklmnopqrst42 | sk-lm-***",
        "jdbc:postgresql://ferry:hunter2@db/ferry | jdbc:postgresql://ferry:***@db/ferry",
        "GET /x?api_key=0123456789&limit=25 | GET /x?api_key=***&limit=25"})
    void masksTokensNobodyToldIt(String text, String masked) {
        assertThat(Redaction.redact(text)).isEqualTo(masked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"merged 196 tensors in 3.2s", "ssh://root@1.2.3.4:20022/workspace", "a = b", "disk-full", "the bearer of news", "task-sk-2", "hf_internal-testing/tiny-random-LlamaForCausalLM", "sk-learn-something-very-long-indeed", ""})
    void leavesOtherTextAlone(String text) {
        assertThat(Redaction.redact(text)).isEqualTo(text);
    }

    @Test
    void jsonStaysJson() throws java.io.IOException {
        String url = "https://a.example/?token=abc\"def and https://hooks.slack.com/services/T0\"x and ftp://u:p\\w@h and Authorization: Bearer abcdefgh\"";
        com.fasterxml.jackson.databind.ObjectMapper mapper = new com.fasterxml.jackson.databind.ObjectMapper();
        String json = Redaction.redact(mapper.writeValueAsString(java.util.Map.of("url", url)));
        assertThat(mapper.readTree(json).get("url").asText()).contains("?token=***", "services/***", "Bearer ***");
    }

    @Test
    void copesWithLongTexts() {
        for (String unit : java.util.List.of("a", "a=", "a://", "://:", "hf_", "bearer ", "sk-", "?token=")) {
            String text = "=" + unit.repeat(1_000_000 / unit.length());
            assertThat(Redaction.redact(text)).isNotEmpty();
        }
    }

    @Test
    void leavesShortSecretsAloneSinceTheyStandInOrdinaryWords() {
        new Secret("ferry");
        assertThat(Redaction.redact("/home/me/.adapter-ferry")).isEqualTo("/home/me/.adapter-ferry");
    }

    @Test
    void passesNullThrough() {
        assertThat(Redaction.redact(null)).isNull();
    }

    @Test
    void refusesABlankSecret() {
        assertThatThrownBy(() -> new Secret(" ")).isInstanceOf(IllegalArgumentException.class);
    }
}
