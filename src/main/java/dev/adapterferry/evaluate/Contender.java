package dev.adapterferry.evaluate;

import dev.adapterferry.modelserver.Endpoint;

/**
 * A model that is to be scored.
 *
 * @param label       how reports name it: {@code majora 3 Q4_K_M}, {@code base}
 * @param format      quantization mix, or an empty string
 * @param modelId     id to ask for
 * @param endpoint    server to ask
 * @param system      system prompt, or null
 * @param temperature sampling temperature
 * @param server      how reports name the server: two contenders' speeds are compared where it is the same
 */
public record Contender(String label, String format, String modelId, Endpoint endpoint, String system, double temperature, String server) {
    /** A contender whose server goes by its address. */
    public Contender(String label, String format, String modelId, Endpoint endpoint, String system, double temperature) {
        this(label, format, modelId, endpoint, system, temperature, endpoint.toString());
    }
}
