package dev.adapterferry.stage;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.StageRecord;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What the stages of one run hand to each other: a small JSON file per stage in the run's folder.
 *
 * @param folder {@code runs/<id>}
 */
public record Records(Path folder) {
    static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(SerializationFeature.INDENT_OUTPUT);
    private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() { };

    /** Facts in the form that a record keeps. */
    static Map<String, Object> map(Object facts) {
        return JSON.convertValue(facts, MAP);
    }

    /** The facts of a record. */
    static <T> T facts(StageRecord record, Class<T> kind) {
        try {
            return JSON.convertValue(record.facts(), kind);
        } catch (IllegalArgumentException e) {
            throw new FerryException("The record of stage '" + record.stage() + "' of run " + record.run() + " is not what this ferry writes: " + e.getMessage() + ". Run that stage again with --force.", e);
        }
    }

    /** The facts of a stage, or empty when the stage left none in this run. */
    public <T> Optional<T> find(Stage stage, Class<T> kind) {
        return StageRecord.readFrom(folder, stage.text()).map(record -> facts(record, kind));
    }

    /** The facts of a stage that must have been done. */
    public <T> T get(Stage stage, Class<T> kind) {
        return find(stage, kind).orElseThrow(() -> new FerryException("The stage '" + stage.text() + "' has not been done for this run, and no earlier run of the model did it. Run it first: --from "
                + stage.text() + "."));
    }
}
