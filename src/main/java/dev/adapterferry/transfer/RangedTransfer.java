package dev.adapterferry.transfer;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings one file over several lanes at once, and again over new lanes when some break, as long as blocks keep coming.
 * The SHA-256 follows the finished prefix while the rest is still under way.
 */
public final class RangedTransfer implements Transfer {
    private static final Logger LOG = LoggerFactory.getLogger(RangedTransfer.class);

    private final String method;
    private final Lane.Opener opener;
    private final Shape shape;

    /**
     * How a file is cut, and how patient the transfer is.
     *
     * @param lanes        at most this many lanes per file
     * @param segmentBytes bytes a lane takes at a time; files below it use one lane
     * @param attempts     failures in a row without a new block after which it gives up
     * @param firstWait    wait after the first failure, doubled each time
     */
    public record Shape(int lanes, long segmentBytes, int attempts, Duration firstWait) { }

    /**
     * @param method name for settings and messages
     * @param opener opens lanes
     * @param shape  number of lanes, segment size, patience
     */
    public RangedTransfer(String method, Lane.Opener opener, Shape shape) {
        this.method = method;
        this.opener = opener;
        this.shape = shape;
    }

    @Override
    public String method() {
        return method;
    }

    @Override
    public Received fetch(FileEntry file, Path part, TransferTerms terms) {
        try (PartFile open = PartFile.open(part, file.size(), file.version())) {
            Segments segments = new Segments(open, shape.segmentBytes(), "pulling " + file.name(), terms);
            Attempt attempt = new Attempt(file, segments, terms);
            Checksum sha256 = attempt.run();
            return new Received(sha256, segments.transferred(), open.kept());
        }
    }

    /** One fetch: its threads, and what ended them. */
    private final class Attempt {
        private final FileEntry file;
        private final Segments segments;
        private final TransferTerms terms;
        private final AtomicReference<RuntimeException> end = new AtomicReference<>();

        Attempt(FileEntry file, Segments segments, TransferTerms terms) {
            this.file = file;
            this.segments = segments;
            this.terms = terms;
        }

        Checksum run() {
            long missing = file.size() - segments.part().kept();
            int useful = (int) Math.min(Math.ceilDiv(missing, shape.segmentBytes()), shape.lanes());
            int lanes = useful <= 1 ? useful : opener.lanes(useful);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < lanes; i++) {
                threads.add(Thread.ofPlatform().daemon().name(method + "-lane-" + i).start(() -> terms.cancellation().over(this::carry)));
            }
            boolean whole = false;
            try {
                Checksum sha256 = followPrefix();
                whole = true;
                return sha256;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Cancelled("pulling " + file.name());
            } finally {
                end.compareAndSet(null, new Cancelled("pulling " + file.name()));
                if (!whole) {
                    // Not after success: an interrupt would close the part file under a lane's last write.
                    threads.forEach(Thread::interrupt);
                }
                join(threads);
            }
        }

        private void join(List<Thread> threads) {
            boolean interrupted = false;
            for (Thread thread : threads) {
                while (thread.isAlive()) {
                    try {
                        thread.join();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        private Checksum followPrefix() throws InterruptedException {
            MessageDigest digest = Checksum.Kind.SHA256.start(file.size());
            ByteBuffer buffer = ByteBuffer.allocate(256 << 10);
            long hashed = 0;
            while (hashed < file.size()) {
                terms.cancellation().check("pulling " + file.name());
                RuntimeException failure = end.get();
                if (failure != null) {
                    throw failure;
                }
                long prefix = segments.part().prefix(hashed, 200);
                while (hashed < prefix) {
                    buffer.clear().limit((int) Math.min(buffer.capacity(), prefix - hashed));
                    int n = segments.part().read(buffer, hashed);
                    if (n <= 0) {
                        throw new FerryException("Cannot finish " + file.name() + ": the part file was cut while it was being written. Run the same command again.");
                    }
                    digest.update(buffer.array(), 0, n);
                    hashed += n;
                }
            }
            return Checksum.Kind.SHA256.end(digest);
        }

        private Void carry() {
            Patience patience = new Patience();
            try {
                while (end.get() == null && !segments.done()) {
                    if (!segments.anyLeft()) {
                        segments.awaitChange(200);
                        continue;
                    }
                    SegmentQueue queue = new SegmentQueue(segments);
                    try (Lane lane = opener.open(file)) {
                        lane.carry(queue);
                    } catch (FileChanged e) {
                        throw e;
                    } catch (IOException | TransientFailure e) {
                        if (end.get() == null) {
                            Thread.sleep(patience.after(e));
                        }
                    } finally {
                        queue.release();
                    }
                }
            } catch (InterruptedException e) {
                end.compareAndSet(null, new Cancelled("pulling " + file.name()));
            } catch (RuntimeException e) {
                end.compareAndSet(null, e);
            } catch (Error e) {
                end.compareAndSet(null, new FerryException("Cannot pull " + file.name() + ": " + e, e));
                throw e;
            }
            return null;
        }

        /** Counts one lane's failures; any new block of any lane forgives them. */
        private final class Patience {
            private int failures;
            private int blocksAtFailure = -1;

            Duration after(Exception e) {
                int blocks = segments.completeBlocks();
                failures = blocks == blocksAtFailure ? failures + 1 : 1;
                blocksAtFailure = blocks;
                String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
                if (failures >= shape.attempts()) {
                    throw new TransientFailure("Cannot pull " + file.name() + ": " + reason + " (" + failures + " attempts in a row brought nothing; "
                            + blocks + " of " + segments.part().blocks() + " blocks are kept). Run the same command to go on.", e);
                }
                LOG.info("{} of {} broke: {}; trying again", method, file.name(), reason);
                return shape.firstWait().multipliedBy(1L << Math.min(6, failures - 1));
            }
        }
    }
}
