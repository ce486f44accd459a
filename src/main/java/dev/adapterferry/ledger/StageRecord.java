package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.secret.Redaction;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What came of a finished stage: small JSON in {@code runs/<id>/<stage>.json} and in the ledger, from which later stages, reports
 * and a run that resumes take what they need.
 *
 * @param stage   name of the stage
 * @param key     hash of its inputs and of the settings that matter to it
 * @param run     run that did the work
 * @param started when the work began
 * @param ended   when it was done
 * @param files   what it left
 * @param facts   what is worth knowing: numbers, identities, paths
 */
public record StageRecord(String stage, String key, String run, Instant started, Instant ended, List<StageFile> files, Map<String, Object> facts) {
    /** Copies the collections, keeping the order of the facts. */
    public StageRecord {
        files = files == null ? List.of() : List.copyOf(files);
        facts = facts == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    /** How long the work took. */
    public Duration duration() {
        return Duration.between(started, ended);
    }

    /** A fact as text. */
    public Optional<String> fact(String name) {
        return Optional.ofNullable(facts.get(name)).map(Object::toString);
    }

    /** Whether every file is still what was recorded. */
    public boolean holds() {
        return files.stream().allMatch(StageFile::holds);
    }

    /** The record as one line of JSON. */
    public String toJson() {
        return Json.write(this);
    }

    /** Writes the record into a run's folder, replacing an older one as a whole. Secrets are masked. */
    public void writeTo(Path folder) {
        Durable.write(file(folder, stage), Redaction.redact(Json.writePretty(this)));
    }

    /** Reads the record of a stage from a run's folder. */
    public static Optional<StageRecord> readFrom(Path folder, String stage) {
        Path file = file(folder, stage);
        try {
            return Optional.of(Json.read(Files.readString(file, StandardCharsets.UTF_8), StageRecord.class, file.toString()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static Path file(Path folder, String stage) {
        return folder.resolve(stage + ".json");
    }
}
