package dev.adapterferry.modelserver;

import java.time.Duration;

/**
 * What {@code /v1/rerank} made of texts.
 *
 * @param model   the model that the server says made it
 * @param scores  one for each text, in their order; NaN where the server gave none
 * @param elapsed time for it
 */
public record Ranking(String model, double[] scores, Duration elapsed) { }
