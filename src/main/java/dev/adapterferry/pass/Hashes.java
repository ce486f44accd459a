package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The hashes of a pass: one chain per file, one per strand. */
final class Hashes {
    private static final int READ_BYTES = 1 << 20;
    private static final String READING = "reading what an earlier pass wrote";

    private final Workload load;
    private final List<FileChain> files = new ArrayList<>();
    private final List<TensorChain> strands = new ArrayList<>();

    Hashes(Workload load, Checkpoints checkpoints) {
        this.load = load;
        List<PassOutput> outputs = load.request().outputs();
        for (int f = 0; f < outputs.size(); f++) {
            files.add(new FileChain(f, outputs.get(f).plan(), load.blocks(), load.work(), checkpoints));
        }
        for (int s = 0; s < load.strands(); s++) {
            strands.add(new TensorChain(s, load.blocks(), load.work()));
        }
    }

    List<Chain> chains() {
        List<Chain> chains = new ArrayList<>(files);
        chains.addAll(strands);
        return chains;
    }

    /** Bytes of all outputs that lie before a block. */
    long bytesBefore(long block) {
        return files.stream().mapToLong(chain -> chain.bytesBefore(block)).sum();
    }

    /** Bytes of one output that lie before a block. */
    long bytesBefore(long block, int file) {
        return files.get(file).bytesBefore(block);
    }

    /** Number of tensors whose last block has been hashed. */
    int tensorsDone() {
        long next = files.getFirst().next();
        return next == load.blocks().size() ? load.work().size() : load.blocks().get((int) next).tensor();
    }

    String ofFile(int file) {
        return files.get(file).hash();
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
        for (int f = 0; f < files.size(); f++) {
            int file = f;
            tasks.add(() -> replay(files.get(file), targets.get(file), point.blocks(), point.hashes().get(file), cancellation));
        }
        strands.forEach(chain -> tasks.add(() -> replay(chain, targets, point.blocks(), cancellation)));
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

    private static boolean replay(FileChain chain, Target target, long blocks, String expected, Cancellation cancellation) throws IOException {
        MessageDigest digest = FileChain.sha256();
        byte[] buffer = new byte[READ_BYTES];
        long end = chain.bytesBefore(blocks);
        for (long at = 0; at < end; at += buffer.length) {
            cancellation.check(READING);
            int length = (int) Math.min(buffer.length, end - at);
            target.read(at, buffer, length);
            digest.update(buffer, 0, length);
        }
        chain.resume(digest);
        return chain.hash().equals(expected);
    }

    private boolean replay(TensorChain chain, List<Target> targets, long blocks, Cancellation cancellation) throws IOException {
        byte[] buffer = new byte[0];
        for (long number = 0; number < blocks; number++) {
            cancellation.check(READING);
            if (!chain.isConcernedBy(number)) {
                continue;
            }
            RowBlock block = load.blocks().get((int) number);
            TensorWork tensor = load.work().get(block.tensor());
            TensorWork.Strand strand = tensor.strands().get(chain.strand());
            Target target = targets.get(strand.files().getFirst());
            GgufPlan.Tensor place = target.plan().tensors().get(block.tensor());
            int length = strand.bytesFor(tensor.info(), block.rows());
            buffer = buffer.length < length ? new byte[length] : buffer;
            target.read(place.offset() + block.firstRow() * place.rowBytes(), buffer, length);
            chain.update(number, buffer, length);
        }
        return true;
    }
}
