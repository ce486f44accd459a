package dev.adapterferry.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ChatTemplateTest {
    private static final List<Map<String, String>> HELLO = List.of(Map.of("role", "user", "content", "Hi"));

    static Stream<JsonNode> cases() throws IOException {
        List<JsonNode> cases = new ArrayList<>();
        golden().get("cases").forEach(cases::add);
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void writesWhatJinjaWrites(JsonNode example) throws IOException {
        Map<String, Object> variables = new ObjectMapper().convertValue(golden().get("variables"), new com.fasterxml.jackson.core.type.TypeReference<>() { });
        assertThat(new ChatTemplate(example.get("template").asText()).render(variables)).isEqualTo(example.get("expected").asText());
    }

    @Test
    void writesTheDateOfItsClock() {
        Clock clock = Clock.fixed(Instant.parse("2026-03-07T14:05:09Z"), ZoneOffset.UTC);
        assertThat(new ChatTemplate("{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S %-d %B %A %%') }}", clock).render(Map.of()))
                .isEqualTo("07 Mar 2026 2026-03-07 14:05:09 7 March Saturday %");
    }

    @Test
    void invitesToAnswer() {
        ChatTemplate template = new ChatTemplate("{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}");
        assertThat(template.render(HELLO, "<s>", "</s>")).isEqualTo("<s>user: Hi</s>\nassistant:");
    }

    @Test
    void leavesTheCallersListsAlone() {
        List<Map<String, String>> messages = new ArrayList<>(HELLO);
        ChatTemplate template = new ChatTemplate("{% set x = messages.pop(0) %}{{ messages|length }}{{ x.content }}");
        assertThat(template.render(messages, "", "")).isEqualTo("0Hi");
        assertThat(messages).hasSize(1);
        assertThat(template.render(messages, "", "")).isEqualTo("0Hi");
    }

    @Test
    void passesOnWhyTheTemplateRefuses() {
        ChatTemplate template = new ChatTemplate("{% if messages[0].role != 'system' %}{{ raise_exception('System message first') }}{% endif %}");
        assertThatThrownBy(() -> template.render(HELLO, "", "")).isInstanceOf(FerryException.class)
                .hasMessage("The chat template refuses the conversation: System message first.");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '`', value = {
        "{% if x %} => '{% endif %}' was expected, found its end",
        "{% endif %} => 'endif' ends nothing",
        "`a\n{{ 'open }}` => line 2: a string does not end",
        "{{ x => line 1: a tag does not end",
        "{% frob %} => the tag 'frob' is not known",
        "{{ x|frob }} => the filter 'frob' is not known",
        "{{ x is frob }} => the test 'frob' is not known",
        "{% for x of y %} => 'in' was expected",
        "{{ ) }} => unexpected ')'",
        "{{ 1 ? 2 }} => unexpected character '?'",
        "{# open => a comment does not end",
        "{% raw %} => a raw block does not end"
    })
    void namesTheLineOfADefect(String source, String defect) {
        assertThatThrownBy(() -> new ChatTemplate(source)).isInstanceOf(FerryException.class).hasMessageContaining(defect).hasMessageContaining("line ");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '`', value = {
        "{{ messages.nope.deep }} => has no member 'deep'",
        "{{ frob() }} => line 1 calls 'frob', which is no function here",
        "{{ 'a' + 1 }} => '+' cannot join a text and a number",
        "{{ 1 / 0 }} => division by zero",
        "{{ range(9999999) }} => too long",
        "{{ messages.index() }} => too few arguments",
        "{% set messages.x = 1 %} => only members of a namespace can be set",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }} => without end",
        "{% for a, b in [[1, 2, 3]] %}{% endfor %} => 3 values cannot go into the 2 names"
    })
    void failsInOneSentence(String source, String defect) {
        ChatTemplate template = new ChatTemplate(source);
        assertThatThrownBy(() -> template.render(HELLO, "", "")).isInstanceOf(FerryException.class).hasMessageContaining(defect);
    }

    private static JsonNode golden() throws IOException {
        try (InputStream in = ChatTemplateTest.class.getResourceAsStream("/chat/jinja.json")) {
            return new ObjectMapper().readTree(in);
        }
    }
}
