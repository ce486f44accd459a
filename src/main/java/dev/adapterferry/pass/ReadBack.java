package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.HashedFiles;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads the files of a pass once more: for their SHA-256, by which others know them, and whether every tensor still is what the pass wrote.
 * The pass itself hashes tensors only, for SHA-256 must see a file's bytes in order and takes longer than writing them.
 */
public final class ReadBack {
    private static final int BLOCK = 1 << 20;
    private static final String ACTIVITY = "hashing what was written";

    private final Progress progress;
    private final Cancellation cancellation;
    private long total;
    private long done;

    /**
     * @param progress     hears of every block, in bytes
     * @param cancellation asked before every block
     */
    public ReadBack(Progress progress, Cancellation cancellation) {
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /**
     * The SHA-256 of every file, as many at a time as there are threads.
     *
     * @param files   finished files
     * @param threads at least 1
     * @return 64 lower-case hexadecimal digits each, in the order of the files
     * @throws FerryException when a file cannot be read, or does not hold what the pass wrote
     */
    public List<String> sha256(List<PassResult.FileResult> files, int threads) {
        total = files.stream().mapToLong(PassResult.FileResult::size).sum();
        List<Callable<String>> tasks = new ArrayList<>();
        files.forEach(file -> tasks.add(() -> sha256(file)));
        List<String> hashes = new ArrayList<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (Future<String> task : pool.invokeAll(tasks)) {
                hashes.add(task.get());
            }
            return List.copyOf(hashes);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled(ACTIVITY);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException runtime ? runtime : new FerryException("Cannot read back what was written: " + e.getCause(), e.getCause());
        }
    }

    private String sha256(PassResult.FileResult file) {
        try {
            HashedFiles.State before = HashedFiles.State.of(file.file());
            String hash = read(file);
            HashedFiles.ofThisProcess().remember(file.file(), before, hash);
            return hash;
        } catch (IOException e) {
            throw new FerryException("Cannot read back " + file.file() + ": " + Durable.reason(e) + ".", e);
        }
    }

    private String read(PassResult.FileResult file) throws IOException {
        try (GgufFile gguf = GgufFile.open(file.file()); FileChannel channel = FileChannel.open(file.file(), StandardOpenOption.READ)) {
            Reader reader = new Reader(channel);
            XxHash64 tensorHash = new XxHash64();
            for (int t = 0; t < gguf.tensors().size(); t++) {
                TensorInfo tensor = gguf.tensors().get(t);
                reader.take(gguf.position(tensor), null);
                reader.take(reader.at + tensor.type().bytesFor(tensor.rowLength()) * tensor.rows(), tensorHash);
                if (!tensorHash.finish().equals(file.tensors().get(t).xxh64())) {
                    throw new FerryException("The file " + file.file() + " does not hold what was written to it: tensor '" + tensor.name() + "' is another. Check the disk, then run again.");
                }
            }
            reader.take(channel.size(), null);
            return HexFormat.of().formatHex(reader.digest.digest());
        }
    }

    private synchronized void tell(int count) {
        done += count;
        progress.report(new Progress.Step(ACTIVITY, done, total, Progress.Unit.BYTES));
    }

    /** One file from its first byte to its last. */
    private final class Reader {
        private final FileChannel channel;
        private final MessageDigest digest = Sha256.digest();
        private final byte[] bytes = new byte[BLOCK];
        private long at;

        Reader(FileChannel channel) {
            this.channel = channel;
        }

        /** Reads on to a position; what is read goes to the second hash too, where there is one. */
        void take(long end, XxHash64 also) throws IOException {
            while (at < end) {
                cancellation.check(ACTIVITY);
                int count = channel.read(ByteBuffer.wrap(bytes, 0, (int) Math.min(BLOCK, end - at)), at);
                if (count < 0) {
                    throw new IOException("it became shorter");
                }
                digest.update(bytes, 0, count);
                if (also != null) {
                    also.update(bytes, 0, count);
                }
                at += count;
                tell(count);
            }
        }
    }
}
