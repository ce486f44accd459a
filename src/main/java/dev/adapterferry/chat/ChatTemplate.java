package dev.adapterferry.chat;

import dev.adapterferry.failure.FerryException;
import java.time.Clock;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A parsed chat template, reusable and safe for many threads.
 *
 * <p>The language is Jinja as transformers' {@code apply_chat_template} sets it up: {@code trim_blocks} and
 * {@code lstrip_blocks} on, {@code raise_exception}, {@code strftime_now}, loop controls, and {@code tojson} that keeps
 * letters as they are. Source: the Jinja template designer documentation, version 3.1.
 */
public final class ChatTemplate {
    private final Statement program;
    private final Clock clock;

    /**
     * Parses.
     *
     * @param source Jinja text
     * @throws FerryException with line and defect when the text is no template
     */
    public ChatTemplate(String source) {
        this(source, Clock.systemDefaultZone());
    }

    /**
     * Parses, with an own clock for templates that write the date.
     *
     * @param source Jinja text
     * @param clock  answers {@code strftime_now}
     */
    public ChatTemplate(String source, Clock clock) {
        this.program = new StatementParser(Lexer.tokens(source)).program();
        this.clock = clock;
    }

    /**
     * Renders a conversation with the invitation to answer at its end.
     *
     * @param messages maps with {@code role} and {@code content} (text), as in an OpenAI request
     * @param bosToken text of the begin-of-sequence token, or ""
     * @param eosToken text of the end-of-sequence token, or ""
     * @return what the model is to see
     * @throws FerryException with the template's own words when it refuses the conversation
     */
    public String render(List<? extends Map<String, ?>> messages, String bosToken, String eosToken) {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put("messages", messages);
        variables.put("add_generation_prompt", true);
        variables.put("bos_token", bosToken);
        variables.put("eos_token", eosToken);
        return render(variables);
    }

    /**
     * Renders with variables of the caller's choice.
     *
     * @param variables strings, booleans, numbers, null, lists and maps with string keys
     * @return the text
     * @throws FerryException with the template's own words when it refuses, or where it uses what is not there
     */
    public String render(Map<String, ?> variables) {
        Scope scope = new Scope(null);
        scope.set("raise_exception", (Values.Function) (positional, named) -> {
            throw new FerryException("The chat template refuses the conversation: " + Values.text(positional.isEmpty() ? "" : positional.getFirst()) + ".");
        });
        scope.set("strftime_now", (Values.Function) (positional, named) ->
                Strftime.format(Values.text(positional.getFirst()), LocalDateTime.now(clock)));
        Functions.install(scope);
        // Copied deeply: templates may append to lists, and the caller's are not theirs.
        variables.forEach((name, value) -> scope.set(name, copy(value)));
        StringBuilder out = new StringBuilder();
        try {
            program.run(scope, out);
        } catch (StackOverflowError e) {
            throw new FerryException("Cannot render the chat template: it calls itself without end.", e);
        }
        return out.toString();
    }

    private static Object copy(Object value) {
        return switch (value) {
            case null -> null;
            case Map<?, ?> map -> {
                Map<String, Object> copy = new LinkedHashMap<>();
                map.forEach((key, inner) -> copy.put(String.valueOf(key), copy(inner)));
                yield copy;
            }
            case List<?> list -> {
                List<Object> copy = new ArrayList<>();
                list.forEach(inner -> copy.add(copy(inner)));
                yield copy;
            }
            case Integer number -> number.longValue();
            case Float number -> number.doubleValue();
            case String text -> text;
            case Boolean flag -> flag;
            case Long number -> number;
            case Double number -> number;
            default -> throw new IllegalArgumentException("a template cannot read a " + value.getClass().getName());
        };
    }
}
