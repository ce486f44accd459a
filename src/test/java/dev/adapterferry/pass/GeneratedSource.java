package dev.adapterferry.pass;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** Weights computed from their place, so that any row can be read at any time; counts what is read. */
class GeneratedSource implements TensorSource {
    final AtomicLong rowsRead = new AtomicLong();
    private final List<TensorInfo> tensors;
    private final long seed;
    private LongConsumer beforeRead = rows -> { };
    private Set<String> identified = Set.of();
    private String baseName = "base";

    GeneratedSource(long seed, TensorInfo... tensors) {
        this.seed = seed;
        this.tensors = List.of(tensors);
    }

    /** A small model: embedding, norms, matrices of awkward and of fitting widths, a stack of experts. */
    static GeneratedSource model(long seed) {
        return new GeneratedSource(seed, info("token_embd.weight", 70, 256), info("blk.0.attn_norm.weight", 256), info("blk.0.attn_q.weight", 96, 256),
                info("blk.0.attn_v.weight", 33, 512), info("blk.0.ffn_gate_exps.weight", 3, 40, 256), info("blk.0.ffn_up_exps.weight", 5, 3, 256), info("blk.0.ffn_down.weight", 256, 96), info("output_norm.weight", 256),
                info("output.weight", 70, 256));
    }

    static TensorInfo info(String name, long... shape) {
        return new TensorInfo(name, GgmlType.F32, Arrays.stream(shape).boxed().toList());
    }

    /** Called before each read with the number of rows read so far. */
    GeneratedSource beforeRead(LongConsumer hook) {
        beforeRead = hook;
        return this;
    }

    /** A second thing to do before each read, ahead of the first. */
    GeneratedSource alsoBeforeRead(LongConsumer hook) {
        beforeRead = hook.andThen(beforeRead);
        return this;
    }

    /** These tensors are untouched ones of a base of that name. */
    GeneratedSource identified(String base, String... names) {
        baseName = base;
        identified = Set.of(names);
        return this;
    }

    long rows() {
        return tensors.stream().mapToLong(TensorInfo::rows).sum();
    }

    float value(TensorInfo tensor, long row, long column) {
        long h = seed * 31 + tensor.name().hashCode();
        h = (h ^ row * 0x9E3779B97F4A7C15L) * 0xBF58476D1CE4E5B9L;
        h = (h ^ h >>> 29 ^ column * 0x94D049BB133111EBL) * 0x9E3779B97F4A7C15L;
        return ((h >>> 40) - (1 << 23)) / (float) (1 << 26) * (1 + column % 7);
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return tensors.stream().filter(t -> t.name().equals(name)).findFirst();
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        beforeRead.accept(rowsRead.getAndAdd(rows));
        int width = (int) tensor.rowLength();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < width; c++) {
                into[offset + r * width + c] = value(tensor, firstRow + r, c);
            }
        }
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return identified.contains(tensor.name()) ? Optional.of(baseName + ":" + tensor.name()) : Optional.empty();
    }

    @Override
    public void close() { }
}
