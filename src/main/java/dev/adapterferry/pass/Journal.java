package dev.adapterferry.pass;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far a pass has come, on disk: a line of JSON with the pass's key, then one line per checkpoint. A line is
 * written only after the bytes that it vouches for are on the medium, so whatever was killed when, the last whole line
 * is true. A line that a kill cut short is passed over.
 */
final class Journal implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);
    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final FileChannel channel;

    private Journal(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * The last checkpoint of a journal.
     *
     * @param file its path
     * @param key  the key of the pass that asks
     * @return empty when there is no journal, when it belongs to another pass, or when it has no checkpoint yet
     */
    static Optional<Checkpoints.Checkpoint> last(Path file, String key) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            List<String> lines = List.of(Files.readString(file, StandardCharsets.ISO_8859_1).split("\n"));
            if (!parse(lines.getFirst()).map(node -> node.path("key").asText()).orElse("").equals(key)) {
                LOG.warn("{} is the journal of another pass: other inputs, other formats or another version of the program. What that pass has written is not gone on with.", file);
                return Optional.empty();
            }
            for (String line : lines.subList(1, lines.size()).reversed()) {
                Optional<Checkpoints.Checkpoint> checkpoint = parse(line).flatMap(Journal::checkpoint);
                if (checkpoint.isPresent()) {
                    return checkpoint;
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new FerryException("Cannot read the journal " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static Optional<JsonNode> parse(String line) {
        try {
            return Optional.ofNullable(JSON.readTree(line));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private static Optional<Checkpoints.Checkpoint> checkpoint(JsonNode node) {
        List<String> hashes = new ArrayList<>();
        node.path("hashes").forEach(hash -> hashes.add(hash.asText()));
        return node.path("blocks").isIntegralNumber() && node.path("blocks").asLong() > 0 && !hashes.isEmpty()
                ? Optional.of(new Checkpoints.Checkpoint(node.path("blocks").asLong(), hashes)) : Optional.empty();
    }

    /** Starts a journal that holds the key and, when a pass is taken up again, where it stands. */
    static Journal start(Path file, String key, Optional<Checkpoints.Checkpoint> from) {
        try {
            ObjectNode head = JSON.createObjectNode().put("key", key);
            Durable.write(file, head + "\n" + from.map(checkpoint -> line(checkpoint) + "\n").orElse(""));
            return new Journal(file, FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw new FerryException("Cannot write the journal " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Adds a checkpoint; the caller has forced the outputs before. */
    void append(Checkpoints.Checkpoint checkpoint) throws IOException {
        ByteBuffer line = ByteBuffer.wrap((line(checkpoint) + "\n").getBytes(StandardCharsets.ISO_8859_1));
        while (line.hasRemaining()) {
            channel.write(line);
        }
        channel.force(true);
    }

    private static String line(Checkpoints.Checkpoint checkpoint) {
        ObjectNode node = JSON.createObjectNode().put("blocks", checkpoint.blocks());
        checkpoint.hashes().forEach(node.putArray("hashes")::add);
        return node.toString();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Every line was forced when it was written.
        }
    }

    /** Removes it: the pass is over. */
    void delete() {
        close();
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new FerryException("Cannot remove the journal " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
