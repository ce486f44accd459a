package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The hashes of a pass: a chain per strand, since outputs that give a tensor the same type have the same bytes of it. */
final class Hashes {
    private static final String READING = "reading what an earlier pass wrote";

    private final Workload load;
    private final List<TensorChain> strands = new ArrayList<>();

    Hashes(Workload load, Checkpoints checkpoints) {
        this.load = load;
        for (int s = 0; s < load.strands(); s++) {
            strands.add(new TensorChain(s, load.blocks(), load.work(), checkpoints));
        }
    }

    List<Chain> chains() {
        return List.copyOf(strands);
    }

    /** Number of tensors whose last block has been hashed. */
    int tensorsDone() {
        long next = strands.stream().mapToLong(Chain::next).min().orElse(0);
        return next == load.blocks().size() ? load.work().size() : load.blocks().get((int) next).tensor();
    }

    String ofTensor(int tensor, int file) {
        return strands.get(load.work().get(tensor).strandOf(file)).hash(tensor);
    }

    /**
     * Reads again what an earlier pass wrote, so that the chains stand where it stood.
     *
     * @return false when a file does not hold what the journal says
     */
    boolean replay(List<Target> targets, Checkpoints.Checkpoint point, int threads, Cancellation cancellation) throws IOException {
        List<Callable<Boolean>> tasks = new ArrayList<>();
        targets.forEach(target -> tasks.add(() -> holdsHeader(target)));
        strands.forEach(chain -> tasks.add(() -> replay(chain, targets, point, cancellation)));
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            boolean same = true;
            for (Future<Boolean> task : pool.invokeAll(tasks)) {
                same &= task.get();
            }
            return same;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled(READING);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException runtime) {
                throw runtime;
            }
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        }
    }

    private static boolean holdsHeader(Target target) throws IOException {
        byte[] header = new byte[target.plan().header().length];
        target.read(0, header, header.length);
        return Arrays.equals(header, target.plan().header());
    }

    private boolean replay(TensorChain chain, List<Target> targets, Checkpoints.Checkpoint point, Cancellation cancellation) throws IOException {
        byte[] bytes = new byte[0];
        byte[] twin = new byte[0];
        for (long number = 0; number < point.blocks(); number++) {
            cancellation.check(READING);
            if (!chain.isConcernedBy(number)) {
                continue;
            }
            RowBlock block = load.blocks().get((int) number);
            TensorWork tensor = load.work().get(block.tensor());
            TensorWork.Strand strand = tensor.strands().get(chain.strand());
            int length = strand.bytesFor(tensor.info(), block.rows());
            bytes = read(targets.get(strand.files().getFirst()), block, bytes, length);
            for (int other : strand.files().subList(1, strand.files().size())) {
                twin = read(targets.get(other), block, twin, length);
                if (!Arrays.equals(bytes, 0, length, twin, 0, length)) {
                    return false;
                }
            }
            chain.update(number, bytes, length);
        }
        return chain.soFar().equals(point.hashes().get(chain.strand()));
    }

    /** A block as it lies in a file; the buffer is used where it is long enough. */
    private static byte[] read(Target target, RowBlock block, byte[] buffer, int length) throws IOException {
        byte[] bytes = buffer.length < length ? new byte[length] : buffer;
        GgufPlan.Tensor place = target.plan().tensors().get(block.tensor());
        target.read(place.offset() + block.firstRow() * place.rowBytes(), bytes, length);
        return bytes;
    }
}
