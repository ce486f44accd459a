package dev.adapterferry.lora;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TurnedExperts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The weights of a merged checkpoint on their way into safetensors files: whole tensors that an earlier writer left are kept, the others are written by several threads. */
final class MergedWeights {
    private static final int UNIT = 1 << 20;
    /** Values between two looks at whether to stop: before kernels are compiled, a whole unit takes seconds. */
    private static final int SLICE = 1 << 17;
    private static final Logger LOG = LoggerFactory.getLogger(MergedWeights.class);

    private final MergedCheckpoint merged;
    private final MergeRequest request;
    private final Map<String, String> unpacked;
    private final TensorSource source;
    private final List<TensorInfo> outputs;
    private final long total;

    /**
     * @param merged  the checkpoint with its adapters; stays open
     * @param request the types and shards to write
     */
    MergedWeights(MergedCheckpoint merged, MergeRequest request) {
        this.merged = merged;
        this.request = request;
        this.unpacked = TurnedExperts.unpacked(merged.tensors());
        this.source = unpacked.isEmpty() ? merged.tensors() : new TurnedExperts(merged.tensors(), unpacked);
        this.outputs = source.tensors().stream().map(tensor -> written(tensor, request)).toList();
        this.total = bytes(outputs);
    }

    /**
     * Writes them, or what is missing of them.
     *
     * @param folder       where to; remains of another merge are deleted
     * @param journalBytes most bytes of finished tensors that wait to be noted
     * @throws Cancelled when asked to stop: files and journal then stay as they are
     */
    void write(Path folder, long journalBytes, Progress progress, Cancellation cancellation) throws IOException {
        String key = MergeJournal.key(merged, outputs, request.shardBytes());
        if (!MergeJournal.isOf(folder, key)) {
            Folders.delete(folder);
            Files.createDirectories(folder);
        }
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.resume(folder, outputs, request.shardBytes());
                MergeJournal journal = new MergeJournal(folder, writer, merged, packed(unpacked), Math.min(journalBytes, total / 16))) {
            try {
                fill(writer, journal, journal.begin(key, outputs, cancellation), folder, progress, cancellation);
                journal.note();
                writer.commit();
            } catch (Cancelled e) {
                suspend(writer, journal, e);
                throw e;
            }
        }
    }

    private static void suspend(ShardedSafetensorsWriter writer, MergeJournal journal, Cancelled stop) {
        try {
            journal.note();
        } catch (FerryException e) {
            // What was noted before holds.
            stop.addSuppressed(e);
        }
        writer.suspend();
    }

    private void fill(ShardedSafetensorsWriter writer, MergeJournal journal, Set<String> kept, Path folder, Progress progress, Cancellation cancellation) throws IOException {
        long there = bytes(outputs.stream().filter(tensor -> kept.contains(tensor.name())).toList());
        requireSpace(total - there, folder);
        if (!kept.isEmpty()) {
            LOG.info("Going on with a merge that was stopped: {} of {} tensors of {} are written.", kept.size(), outputs.size(), request.out());
        }
        List<RowBlocks.Block> blocks = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            TensorInfo tensor = source.tensors().get(i);
            if (kept.contains(tensor.name())) {
                continue;
            }
            // What is turned is turned a matrix at a time, each by one thread.
            int unit = unpacked.containsValue(tensor.name()) ? Math.toIntExact(tensor.elements() / tensor.shape().getFirst()) : UNIT;
            RowBlocks.split(tensor, outputs.get(i), unit, blocks);
        }
        ThreadLocal<Buffers> buffers = ThreadLocal.withInitial(Buffers::new);
        new RowBlocks(request.threads()).run(blocks, block -> {
            cancellation.check("merge " + merged.name());
            copy(writer, block, buffers.get(), cancellation);
            journal.done(block);
        }, done -> progress.report(new Progress.Step("merging " + merged.name(), there + done, total, Progress.Unit.BYTES)));
    }

    private void requireSpace(long needed, Path folder) throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        if (needed > free) {
            throw new FerryException("Cannot write the merged checkpoint to " + request.out() + ": it needs " + (needed >> 20) + " MiB, " + (free >> 20)
                    + " MiB are free. Make room, or name a folder on another disk.");
        }
    }

    private static TensorInfo written(TensorInfo tensor, MergeRequest request) {
        boolean weights = ((ElementType) tensor.type()).isFloat() && tensor.type() != ElementType.F64;
        return weights && request.type().isPresent() ? new TensorInfo(tensor.name(), request.type().get(), tensor.shape()) : tensor;
    }

    private static long bytes(List<TensorInfo> tensors) {
        return tensors.stream().mapToLong(t -> t.type().bytesFor(t.elements())).sum();
    }

    /** The merged tensors' names by those under which they are written, where these differ. */
    static Map<String, String> packed(Map<String, String> unpacked) {
        Map<String, String> packed = new HashMap<>();
        unpacked.forEach((stored, name) -> packed.put(name, stored));
        return packed;
    }

    /** What one worker reads into, block after block: arrays of this size go straight to the old generation and would wait there for a full collection. */
    private static final class Buffers {
        private float[] floats = new float[0];
        private byte[] bytes = new byte[0];

        float[] floats(int count) {
            floats = floats.length < count ? new float[count] : floats;
            return floats;
        }

        byte[] bytes(int count) {
            bytes = bytes.length < count ? new byte[count] : bytes;
            return bytes;
        }
    }

    private void copy(ShardedSafetensorsWriter writer, RowBlocks.Block block, Buffers buffers, Cancellation cancellation) {
        TensorInfo from = block.from();
        TensorInfo to = block.to();
        if (from.type() == to.type() && source instanceof StoredBytes stored && stored.isStored(from)) {
            long begin = from.type().bytesFor(block.firstRow() * from.rowLength());
            int length = (int) from.type().bytesFor(block.rows() * from.rowLength());
            byte[] bytes = buffers.bytes(length);
            stored.readStored(from, begin, length, bytes, 0);
            writer.writeStored(to, begin, length, bytes, 0);
            return;
        }
        int step = (int) Math.max(1, SLICE / Math.max(1, from.rowLength()));
        for (int done = 0; done < block.rows(); done += step) {
            cancellation.check("merge " + to.name());
            convert(writer, block, block.firstRow() + done, Math.min(step, block.rows() - done), buffers);
        }
    }

    private void convert(ShardedSafetensorsWriter writer, RowBlocks.Block block, long firstRow, int rows, Buffers buffers) {
        TensorInfo from = block.from();
        TensorInfo to = block.to();
        int count = Math.toIntExact(rows * from.rowLength());
        float[] values = buffers.floats(count);
        source.read(from, firstRow, rows, values, 0);
        if (to.type() == ElementType.F16) {
            for (int i = 0; i < count; i++) {
                if (Math.abs(values[i]) > 65504) {
                    throw new FerryException("Cannot write tensor '" + to.name() + "' as F16: it holds " + values[i] + ", F16 ends at 65504. Write BF16 or F32.");
                }
            }
        }
        writer.write(to, firstRow, rows, values, 0);
    }
}
