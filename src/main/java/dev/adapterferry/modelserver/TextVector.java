package dev.adapterferry.modelserver;

import java.time.Duration;

/**
 * What {@code /v1/embeddings} made of a text.
 *
 * @param model   the model that the server says made it
 * @param values  the numbers, as they came
 * @param elapsed time for it
 */
public record TextVector(String model, double[] values, Duration elapsed) { }
