package dev.adapterferry.modelserver;

import java.time.Duration;

/**
 * What a server answered.
 *
 * @param model            model id in the answer; compare it with the question's
 * @param content          visible text, may be empty
 * @param reasoning        separated reasoning text, may be empty
 * @param finishReason     {@code stop}, {@code length}, ..., or an empty string when the server gave none
 * @param promptTokens     tokens of the prompt as counted by the server, -1 when it did not say
 * @param completionTokens tokens of the answer as counted by the server, -1 when it did not say
 * @param elapsed          from sending to the last byte
 * @param firstToken       from sending to the first text of a stream, null without a stream
 * @param reportedRate     tokens per second as the server measured them, null when it did not say
 */
public record Answer(String model, String content, String reasoning, String finishReason, int promptTokens, int completionTokens,
                     Duration elapsed, Duration firstToken, Double reportedRate) {
    /** Reasoning and content together: a reasoning model may spend every token before its first visible word. */
    public String text() {
        return reasoning.isEmpty() ? content : content.isEmpty() ? reasoning : reasoning + "\n" + content;
    }

    /**
     * Whether the model that was asked gave this answer: LM Studio lets the only loaded model answer for any name.
     * The number of an instance ({@code :2}), a variant ({@code @q4_k_m}) and Ollama's {@code :latest} make no other
     * model; two different variants do.
     */
    public boolean isFrom(String asked) {
        String plainAsked = asked.replaceFirst(":(\\d+|latest)$", "");
        String plainAnswered = model.replaceFirst(":(\\d+|latest)$", "");
        boolean bothVariants = plainAsked.contains("@") && plainAnswered.contains("@");
        return bothVariants ? plainAsked.equalsIgnoreCase(plainAnswered)
                : plainAsked.replaceFirst("@[^@/]+$", "").equalsIgnoreCase(plainAnswered.replaceFirst("@[^@/]+$", ""));
    }

    /**
     * Tokens per second: the server's own figure when it gives one, else tokens after the first one over the time after
     * the first one (the prompt's processing left out), else all tokens over the whole time.
     *
     * @return the rate, or null when the server counted no tokens
     */
    public Double tokensPerSecond() {
        if (reportedRate != null) {
            return reportedRate;
        }
        if (completionTokens < 1) {
            return null;
        }
        if (firstToken != null && completionTokens > 1 && elapsed.compareTo(firstToken) > 0) {
            return (completionTokens - 1) * 1e9 / elapsed.minus(firstToken).toNanos();
        }
        return elapsed.isZero() ? null : completionTokens * 1e9 / elapsed.toNanos();
    }
}
