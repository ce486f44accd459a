package dev.adapterferry.llamacpp;

import java.time.Duration;

/**
 * One answer of a model.
 *
 * @param text         what it said
 * @param promptTokens tokens of the prompt
 * @param answerTokens tokens generated, the end marker not counted
 * @param finish       why it stopped
 * @param firstToken   time until the first token was known, the prompt's computation in it
 * @param total        time of everything
 */
public record Generation(String text, int promptTokens, int answerTokens, Finish finish, Duration firstToken, Duration total) {
    /** Why an answer ends. */
    public enum Finish {
        /** The model ended it, or a stop text appeared. */
        STOP,
        /** The allowed tokens, or the context, were used up. */
        LENGTH
    }

    /** Tokens per second after the first, or 0 when there was only one. */
    public double tokensPerSecond() {
        double seconds = total.minus(firstToken).toNanos() / 1e9;
        return answerTokens < 2 || seconds <= 0 ? 0 : (answerTokens - 1) / seconds;
    }
}
