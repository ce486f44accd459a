package dev.adapterferry.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The note that a pull leaves in the adapter's folder: where everything came from, when, and its digests. */
public final class PullRecord {
    /** File name of the record. */
    public static final String NAME = "ferry-adapter.json";

    private static final ObjectMapper JSON = JsonMapper.builder().build();

    private PullRecord() { }

    /**
     * The identity of an adapter's content: SHA-256 over the lines {@code <name> <sha256>} of the files that a merge reads,
     * in the order of their names.
     *
     * @param sha256 digest per plain file name; notes may be among them and do not count
     */
    public static String identity(Map<String, String> sha256) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            new TreeMap<>(sha256).forEach((name, hex) -> {
                if (AdapterFiles.isReadByMerge(name)) {
                    digest.update((name + " " + hex + "\n").getBytes(StandardCharsets.UTF_8));
                }
            });
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Whether a merge reads a file of this plain name, so that it counts for the {@link #identity}. */
    public static boolean isReadByMerge(String name) {
        return AdapterFiles.isReadByMerge(name);
    }

    /** Writes the record of a pull into a folder. */
    static void write(Path folder, PulledAdapter adapter, Instant began) {
        ObjectNode json = JSON.createObjectNode().put("format", 1).put("identity", adapter.identity()).put("place", adapter.place()).put("method", adapter.method())
                .put("began", began.toString()).put("seconds", adapter.time().toMillis() / 1000.0).put("bytes", adapter.bytes())
                .put("bytesTransferred", adapter.transferred()).put("bytesKept", adapter.kept());
        json.putObject("training").put("state", adapter.state().kind().name()).put("step", adapter.state().step()).put("maxSteps", adapter.state().maxSteps())
                .put("why", adapter.state().why());
        for (PulledAdapter.File file : adapter.files()) {
            json.withArray("files").addObject().put("name", file.name()).put("from", file.from()).put("size", file.size()).put("sha256", file.sha256())
                    .put("modified", file.modified()).put("version", file.version()).put("verified", file.verified());
        }
        Durable.write(folder.resolve(NAME), json.toPrettyString() + "\n");
    }

    /**
     * Reads the record of an adapter folder.
     *
     * @param folder a folder that a pull has made
     * @return what the pull found, or empty when the folder has no readable record
     */
    public static Optional<PulledAdapter> read(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            JsonNode json = JSON.readTree(file.toFile());
            List<PulledAdapter.File> files = new ArrayList<>();
            for (JsonNode each : json.path("files")) {
                files.add(new PulledAdapter.File(each.path("name").asText(), each.path("from").asText(), each.path("size").asLong(), each.path("sha256").asText(),
                        each.path("modified").asLong(), each.path("version").asText(), each.path("verified").asBoolean()));
            }
            JsonNode training = json.path("training");
            TrainingState state = new TrainingState(TrainingState.Kind.valueOf(training.path("state").asText("UNKNOWN")), training.path("step").asLong(-1),
                    training.path("maxSteps").asLong(-1), training.path("why").asText());
            return json.path("format").asInt() != 1 ? Optional.empty() : Optional.of(new PulledAdapter(folder, json.path("identity").asText(), json.path("place").asText(),
                    files, state, json.path("method").asText(), json.path("bytesTransferred").asLong(), json.path("bytesKept").asLong(),
                    Duration.ofMillis((long) (1000 * json.path("seconds").asDouble())), false));
        } catch (IOException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
