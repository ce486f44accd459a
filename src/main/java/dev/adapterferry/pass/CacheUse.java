package dev.adapterferry.pass;

import dev.adapterferry.files.Sha256;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one pass takes from the cache and gives to it: strands of quantized types of tensors that the source can
 * identify, which are those that no adapter touches.
 */
final class CacheUse implements KeptTensors {
    private static final Logger LOG = LoggerFactory.getLogger(CacheUse.class);

    private final TensorCache cache;
    private final List<TensorWork> work;
    private final List<RowBlock> blocks;
    private final Map<List<Integer>, KeptTensor> kept = new HashMap<>();
    private final Map<List<Integer>, String> missing = new HashMap<>();
    private final LongAdder bytesTaken = new LongAdder();

    /**
     * @param blockWeights about how many weights make a block: part of the key, as checksums are per block
     */
    CacheUse(TensorCache cache, TensorSource source, List<TensorWork> work, List<RowBlock> blocks, int blockWeights) {
        this.cache = cache;
        this.work = work;
        this.blocks = blocks;
        Map<Integer, Integer> counts = new HashMap<>();
        blocks.forEach(block -> counts.merge(block.tensor(), 1, Integer::sum));
        for (int t = 0; t < work.size(); t++) {
            Optional<String> identity = source.identity(work.get(t).info());
            for (int s = 0; identity.isPresent() && s < work.get(t).strands().size(); s++) {
                look(t, s, identity.get(), counts.get(t), blockWeights);
            }
        }
    }

    private void look(int tensor, int strand, String identity, int count, int blockWeights) {
        TensorWork here = work.get(tensor);
        TensorWork.Strand what = here.strands().get(strand);
        if (!what.type().isQuantized() || what.copy()) {
            return;
        }
        TensorInfo info = here.info();
        String key = String.join("\n", "quantized tensor 1", identity, info.shape().toString(), what.type().name(), importanceHash(here.importance()), Integer.toString(blockWeights));
        List<Integer> place = List.of(tensor, strand);
        Optional<KeptTensor> found = cache.find(key, count, Math.multiplyExact(what.type().bytesFor(info.rowLength()), info.rows()));
        found.ifPresentOrElse(k -> kept.put(place, k), () -> missing.put(place, key));
    }

    static String importanceHash(float[] importance) {
        if (importance == null) {
            return "none";
        }
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(4, importance.length));
        bytes.asFloatBuffer().put(importance);
        return Sha256.of(bytes.array());
    }

    @Override
    public boolean read(RowBlock block, int strand, byte[] into, int length) {
        KeptTensor tensor = kept.get(List.of(block.tensor(), strand));
        long offset = block.firstRow() * work.get(block.tensor()).strands().get(strand).type().bytesFor(work.get(block.tensor()).info().rowLength());
        if (tensor == null || !tensor.read(block.index(), offset, into, length)) {
            return false;
        }
        bytesTaken.add(length);
        return true;
    }

    /** Bytes that came from the cache so far. */
    long bytesTaken() {
        return bytesTaken.sum();
    }

    /** One chain per strand: keeps what was missing, lets go of what has been used. */
    List<Chain> chains() {
        int most = work.stream().mapToInt(w -> w.strands().size()).max().orElse(0);
        List<Chain> chains = new ArrayList<>();
        for (int s = 0; s < most; s++) {
            chains.add(new Keeper(s));
        }
        return chains;
    }

    /** Leaves no half-written file behind. */
    void close(List<Chain> chains) {
        kept.values().forEach(KeptTensor::close);
        chains.forEach(chain -> {
            if (chain instanceof Keeper keeper) {
                keeper.giveUp();
            }
        });
        cache.shrink();
    }

    private final class Keeper extends Chain {
        private final int strand;
        private KeptTensor.Writer writer;

        private Keeper(int strand) {
            this.strand = strand;
        }

        @Override
        void take(long number, Slot slot) {
            RowBlock block = blocks.get((int) number);
            List<Integer> place = List.of(block.tensor(), strand);
            try {
                if (block.index() == 0 && missing.containsKey(place)) {
                    writer = cache.keep(missing.get(place));
                }
                if (writer != null) {
                    writer.append(slot.bytes(strand), slot.length(strand));
                    if (block.last()) {
                        KeptTensor.Writer whole = writer;
                        writer = null;
                        cache.grew(whole.commit());
                    }
                }
            } catch (IOException e) {
                LOG.warn("Tensor {} is not kept in the cache: {}", work.get(block.tensor()).info().name(), e.toString());
                giveUp();
            }
            if (block.last() && kept.containsKey(place)) {
                kept.get(place).close();
            }
        }

        private void giveUp() {
            if (writer != null) {
                writer.discard();
                writer = null;
            }
        }
    }
}
