package dev.adapterferry.probe;

import java.util.List;

/**
 * A prompt with what its answer must satisfy.
 *
 * @param prompt        the user's words
 * @param minimumLength fewest characters of content and reasoning together, at least 1
 * @param required      regular expressions that must occur in the answer
 * @param forbidden     regular expressions that must not
 */
public record TestPrompt(String prompt, int minimumLength, List<String> required, List<String> forbidden) {
    /** Copies the lists; an empty answer never passes. */
    public TestPrompt {
        minimumLength = Math.max(1, minimumLength);
        required = List.copyOf(required);
        forbidden = List.copyOf(forbidden);
    }

    /** A prompt whose answer only has to be there and make sense. */
    public static TestPrompt of(String prompt) {
        return new TestPrompt(prompt, 1, List.of(), List.of());
    }
}
