package dev.adapterferry.probe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.util.List;

/** The machine-readable form of a health check, as {@code src/docs/health.schema.json} describes it. */
public final class HealthJson {
    private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule()).disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .enable(SerializationFeature.INDENT_OUTPUT);

    private HealthJson() { }

    private record Document(Status status, int exitCode, List<Health> models) { }

    /**
     * The result of checking some models.
     *
     * @param results one per model; none at all is unhealthy, since nothing was found to be well
     */
    public static String of(List<Health> results) {
        Status status = worst(results);
        try {
            return JSON.writeValueAsString(new Document(status, status.exitCode(), results));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What the document says of one model. */
    public static JsonNode tree(Health health) {
        return JSON.valueToTree(health);
    }

    /** The status of some models together: the worst; UNHEALTHY when there is none. */
    public static Status worst(List<Health> results) {
        return results.stream().map(Health::status).reduce(Status::and).orElse(Status.UNHEALTHY);
    }
}
