package dev.adapterferry.modelserver;

import java.util.List;

/**
 * One chat turn to be answered.
 *
 * @param model       model id that the server must answer with
 * @param system      system prompt, or null
 * @param prompt      the user's words
 * @param temperature sampling temperature; always sent, since servers disagree about the default
 * @param topP        nucleus sampling mass; always sent (Ollama would otherwise override the model's own)
 * @param maxTokens   longest answer in tokens
 * @param seed        sampling seed, or null
 * @param stop        stop strings
 */
public record Question(String model, String system, String prompt, double temperature, double topP, int maxTokens, Integer seed, List<String> stop) {
    /** Copies the stop strings. */
    public Question {
        stop = List.copyOf(stop);
    }

    /** A repeatable question: temperature 0, no stop strings, fixed seed. */
    public static Question greedy(String model, String system, String prompt, int maxTokens) {
        return new Question(model, system, prompt, 0, 1, maxTokens, 1, List.of());
    }
}
