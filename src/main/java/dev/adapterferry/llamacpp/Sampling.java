package dev.adapterferry.llamacpp;

import java.util.List;
import java.util.OptionalInt;

/**
 * How the next token is chosen, and when to stop. The defaults of {@link #greedy} and {@link #common} are llama.cpp's.
 *
 * @param temperature   0 or less always takes the most likely token
 * @param topK          how many of the likeliest tokens to consider; 0 for all
 * @param topP          smallest set of likeliest tokens that holds this probability; 1 for all
 * @param minP          least probability, relative to the likeliest token's; 0 for none
 * @param repeatPenalty divides the logits of the last 64 tokens of the answer; 1 for none
 * @param frequencyPenalty taken from a token's logit for each time that it occurs among the last 64; 0 for none
 * @param presencePenalty  taken once from the logit of each of the last 64 tokens; 0 for none
 * @param seed          makes a random answer repeatable; empty for a new one each time
 * @param maxTokens     most tokens to answer; negative for as many as the context holds
 * @param stop          texts that end the answer; they are not part of it
 */
public record Sampling(double temperature, int topK, double topP, double minP, double repeatPenalty, double frequencyPenalty, double presencePenalty,
                       OptionalInt seed, int maxTokens, List<String> stop) {
    /** Copies and checks. */
    public Sampling {
        stop = List.copyOf(stop);
        if (stop.contains("")) {
            throw new IllegalArgumentException("an empty stop text would stop everything");
        }
    }

    /** The likeliest token each time: the same answer every time. */
    public static Sampling greedy(int maxTokens) {
        return new Sampling(0, 40, 0.95, 0.05, 1, 0, 0, OptionalInt.empty(), maxTokens, List.of());
    }

    /** llama.cpp's usual sampling at temperature 0.8. */
    public static Sampling common(int maxTokens) {
        return new Sampling(0.8, 40, 0.95, 0.05, 1, 0, 0, OptionalInt.empty(), maxTokens, List.of());
    }
}
