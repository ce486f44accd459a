package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.JournalFile;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.Fingerprint;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.TensorInfo;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** How far a merge has come, on disk: a line for each tensor that is written whole, with the checksum of its bytes and what was measured on the way. */
final class MergeJournal implements Closeable {
    private static final String NAME = "merge-journal.jsonl";

    private final Path path;
    private final ShardedSafetensorsWriter writer;
    private final MergedCheckpoint merged;
    private final Map<String, String> mergedNames;
    private final long every;
    private final Map<String, Long> missing = new HashMap<>();
    private final List<TensorInfo> finished = new ArrayList<>();
    private JournalFile file;
    private long finishedBytes;

    /**
     * @param folder      where the merge is written
     * @param writer      writes it
     * @param merged      measures while it is read
     * @param mergedNames names in there of tensors that are written under another name
     * @param every       bytes of finished tensors after which lines are written
     */
    MergeJournal(Path folder, ShardedSafetensorsWriter writer, MergedCheckpoint merged, Map<String, String> mergedNames, long every) {
        this.path = folder.resolve(NAME);
        this.writer = writer;
        this.merged = merged;
        this.mergedNames = mergedNames;
        this.every = every;
    }

    /** What the bytes of a merge depend on, in short: files as they are now, what is done with them, and how it is divided. */
    static String key(MergedCheckpoint merged, List<TensorInfo> outputs, long shardBytes) {
        StringBuilder text = new StringBuilder("merge 1 ").append(shardBytes).append(merged.config()).append(outputs);
        Checkpoint original = merged.original();
        List<Path> base = original instanceof SourceFiles files ? files.files() : original.tensors() instanceof SourceFiles files ? files.files() : List.of();
        if (base.isEmpty()) {
            // Nothing tells this base from another.
            text.append(UUID.randomUUID());
        }
        merged.files().forEach(path -> text.append('\n').append(Fingerprint.of(path)));
        for (MergedCheckpoint level = merged; level != null; level = below(level)) {
            level.plan().tensors().forEach((name, tensor) -> {
                text.append('\n').append(name).append(' ').append(tensor.kind());
                tensor.deltas().forEach(delta -> text.append(' ').append(delta.layout()).append(delta.a().name()).append(delta.shape()).append(delta.scale()).append(delta.firstRow()).append(delta.skip()));
            });
        }
        return Sha256.of(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static MergedCheckpoint below(MergedCheckpoint level) {
        return level.base() instanceof MergedCheckpoint merged ? merged : null;
    }

    /** Whether a folder holds the remains of the merge with this key. */
    static boolean isOf(Path folder, String key) {
        return JournalFile.read(folder.resolve(NAME)).filter(left -> left.key().equals(key)).isPresent();
    }

    /** Whether a folder holds remains with which a merge has less to do. */
    static boolean holdsWork(Path folder) {
        return JournalFile.read(folder.resolve(NAME)).filter(left -> !left.lines().isEmpty()).isPresent();
    }

    /**
     * Begins: takes over what the remains hold of the tensors to be written and what still has the checksum that its line says.
     *
     * @return names of the tensors that need not be written
     */
    Set<String> begin(String key, List<TensorInfo> outputs, Cancellation cancellation) {
        Map<String, JsonNode> known = new HashMap<>();
        JournalFile.read(path).ifPresent(left -> left.lines().forEach(line -> known.put(line.path("tensor").asText(), line)));
        Set<String> kept = new HashSet<>();
        List<JsonNode> holding = new ArrayList<>();
        for (TensorInfo tensor : outputs) {
            cancellation.check("look at what an earlier merge wrote");
            JsonNode line = known.get(tensor.name());
            if (line != null && line.path("crc").asLong(-1) == writer.checksum(tensor) && restore(tensor, line.path("measured"))) {
                writer.keep(tensor);
                kept.add(tensor.name());
                holding.add(line);
            } else {
                missing.put(tensor.name(), tensor.rows());
            }
        }
        file = JournalFile.start(path, key, holding);
        return kept;
    }

    /** Rows of a tensor are written. */
    synchronized void done(RowBlocks.Block block) {
        if (missing.merge(block.to().name(), (long) -block.rows(), Long::sum) > 0) {
            return;
        }
        finished.add(block.to());
        finishedBytes += block.to().type().bytesFor(block.to().elements());
        if (finishedBytes >= every) {
            note();
        }
    }

    /** Writes lines for all that is finished: before work that may take long, or that somebody stops. */
    synchronized void note() {
        if (finished.isEmpty()) {
            return;
        }
        writer.force(finished);
        List<ObjectNode> lines = finished.stream().map(this::line).toList();
        finished.clear();
        finishedBytes = 0;
        try {
            file.append(lines);
        } catch (IOException e) {
            throw new FerryException("Cannot write the journal " + path + ": " + Durable.reason(e) + ".", e);
        }
    }

    private ObjectNode line(TensorInfo tensor) {
        ObjectNode line = JsonNodeFactory.instance.objectNode().put("tensor", tensor.name()).put("crc", writer.checksum(tensor));
        ArrayNode measured = line.putArray("measured");
        for (MergedTensor changed : changes(tensor)) {
            ArrayNode sums = measured.addArray();
            for (double sum : changed.landing().sums()) {
                sums.add(sum);
            }
        }
        return line;
    }

    /** What the adapters do to a tensor, the last one first. */
    private List<MergedTensor> changes(TensorInfo tensor) {
        String name = mergedNames.getOrDefault(tensor.name(), tensor.name());
        List<MergedTensor> changes = new ArrayList<>();
        for (MergedCheckpoint level = merged; level != null; level = below(level)) {
            if (level.plan().tensors().containsKey(name)) {
                changes.add(level.plan().tensors().get(name));
            }
        }
        return changes;
    }

    private boolean restore(TensorInfo tensor, JsonNode measured) {
        List<MergedTensor> changes = changes(tensor);
        if (measured.size() != changes.size()) {
            return false;
        }
        for (int i = 0; i < changes.size(); i++) {
            double[] sums = new double[5];
            for (int s = 0; s < sums.length; s++) {
                sums[s] = measured.get(i).path(s).asDouble(Double.NaN);
            }
            changes.get(i).landing().restore(Math.toIntExact(changes.get(i).matrixRows()), sums);
        }
        return true;
    }

    /** Removes a folder's journal: everything in it is whole. */
    static void delete(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(NAME));
    }

    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
    }
}
