package dev.adapterferry.pass;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.files.JournalFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How far a pass has come, on disk: one line per checkpoint, of which the last one holds. */
final class Journal implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

    private final JournalFile file;

    private Journal(JournalFile file) {
        this.file = file;
    }

    /**
     * The last checkpoint of a journal.
     *
     * @param file its path
     * @param key  the key of the pass that asks
     * @return empty when there is no journal, when it belongs to another pass, or when it has no checkpoint yet
     */
    static Optional<Checkpoints.Checkpoint> last(Path file, String key) {
        Optional<JournalFile.Left> left = JournalFile.read(file);
        if (left.isPresent() && !left.get().key().equals(key)) {
            LOG.warn("{} is the journal of another pass: other inputs, other formats or another version of the program. What that pass has written is not gone on with.", file);
            return Optional.empty();
        }
        return left.flatMap(journal -> journal.lines().reversed().stream().flatMap(line -> checkpoint(line).stream()).findFirst());
    }

    private static Optional<Checkpoints.Checkpoint> checkpoint(JsonNode node) {
        List<String> hashes = new ArrayList<>();
        node.path("hashes").forEach(hash -> hashes.add(hash.asText()));
        return node.path("blocks").isIntegralNumber() && node.path("blocks").asLong() > 0 && !hashes.isEmpty()
                ? Optional.of(new Checkpoints.Checkpoint(node.path("blocks").asLong(), hashes)) : Optional.empty();
    }

    /** Starts a journal that holds the key and, when a pass is taken up again, where it stands. */
    static Journal start(Path file, String key, Optional<Checkpoints.Checkpoint> from) {
        return new Journal(JournalFile.start(file, key, from.map(Journal::line).stream().toList()));
    }

    /** Adds a checkpoint; the caller has forced the outputs before. */
    void append(Checkpoints.Checkpoint checkpoint) throws IOException {
        file.append(List.of(line(checkpoint)));
    }

    private static ObjectNode line(Checkpoints.Checkpoint checkpoint) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("blocks", checkpoint.blocks());
        checkpoint.hashes().forEach(node.putArray("hashes")::add);
        return node;
    }

    @Override
    public void close() {
        file.close();
    }

    /** Removes it: the pass is over. */
    void delete() {
        file.delete();
    }
}
