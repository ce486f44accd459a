package dev.adapterferry.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ranged transfer over lanes that read an array and fail on purpose. */
class RangedTransferTest {
    private static final int SIZE = (11 << 20) + 12345;

    @TempDir
    Path dir;
    private final byte[] content = new byte[SIZE];
    private final FileEntry file;
    private final AtomicInteger opened = new AtomicInteger();
    private final AtomicLong sent = new AtomicLong();

    RangedTransferTest() {
        new Random(7).nextBytes(content);
        file = FileEntry.of("w", SIZE, 0, Checksum.of(content, Checksum.Kind.SHA256));
    }

    /** What happens to a lane before each piece that it writes. */
    private interface Fault {
        void before(int lane, long offset) throws IOException;
    }

    private RangedTransfer transfer(int lanes, int attempts, Fault fault) {
        return new RangedTransfer("test", entry -> new TestLane(opened.getAndIncrement(), fault),
                new RangedTransfer.Shape(lanes, 2 << 20, attempts, Duration.ofMillis(1)));
    }

    private final class TestLane implements Lane {
        private final int number;
        private final Fault fault;

        TestLane(int number, Fault fault) {
            this.number = number;
            this.fault = fault;
        }

        @Override
        public void carry(SegmentQueue queue) throws IOException {
            for (SegmentQueue.Segment segment = queue.next(); segment != null; segment = queue.next()) {
                while (segment.left() > 0) {
                    fault.before(number, segment.position());
                    int length = (int) Math.min(100_000, segment.left());
                    sent.addAndGet(length);
                    segment.write(ByteBuffer.wrap(content, (int) segment.position(), length));
                }
            }
        }

        @Override
        public void close() {
            // nothing
        }
    }

    private Transfer.Received fetch(RangedTransfer transfer, TransferTerms terms) {
        return transfer.fetch(file, dir.resolve("w.part"), terms);
    }

    private static void awaitAll(CountDownLatch open) throws IOException {
        try {
            if (!open.await(20, TimeUnit.SECONDS)) {
                throw new IOException(open.getCount() + " lanes never opened");
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private void requireWhole(Transfer.Received received) {
        assertThat(received.sha256()).isEqualTo(file.checksum().orElseThrow());
        assertThat(dir.resolve("w.part")).hasBinaryContent(content);
    }

    @Test
    void bringsAFileOverSeveralLanes() {
        AtomicLong most = new AtomicLong();
        // No lane writes before all are open; else a fast one may carry everything before the last has opened.
        Set<Integer> arrived = ConcurrentHashMap.newKeySet();
        CountDownLatch open = new CountDownLatch(4);
        Transfer.Received received = fetch(transfer(4, 1, (lane, offset) -> {
            if (arrived.add(lane)) {
                open.countDown();
            }
            awaitAll(open);
        }),
                new TransferTerms(Bandwidth.UNLIMITED, step -> most.accumulateAndGet(step.done(), Math::max), new Cancellation()));
        requireWhole(received);
        assertThat(opened).hasValue(4);
        assertThat(received.transferred()).isEqualTo(SIZE);
        assertThat(most).hasValue(SIZE);
    }

    @Test
    void bringsAnEmptyFileWithoutALane() {
        FileEntry empty = FileEntry.of("e", 0, 0);
        Transfer.Received received = transfer(4, 1, (lane, offset) -> { }).fetch(empty, dir.resolve("e.part"), TransferTerms.free());
        assertThat(received.sha256()).isEqualTo(Checksum.of(new byte[0], Checksum.Kind.SHA256));
        assertThat(opened).hasValue(0);
    }

    @Test
    void replacesLanesThatBreakAsLongAsBlocksCome() {
        // Every lane breaks after carrying a little more than a block: far more breaks than attempts.
        AtomicInteger pieces = new AtomicInteger();
        requireWhole(fetch(transfer(2, 3, (lane, offset) -> {
            if (pieces.incrementAndGet() % 13 == 0) {
                throw new IOException("cut");
            }
        }), TransferTerms.free()));
        assertThat(opened.get()).isGreaterThan(6);
        assertThat(sent.get()).as("a break costs at most a block").isLessThan(SIZE + (long) opened.get() * PartFile.BLOCK);
    }

    @Test
    void givesUpWhenNothingComesAnyMoreAndGoesOnLater() {
        assertThatThrownBy(() -> fetch(transfer(2, 3, (lane, offset) -> {
            if (offset >= 5 << 20) {
                throw new IOException("no route to host");
            }
        }), TransferTerms.free())).isInstanceOf(TransientFailure.class).hasMessageContaining("no route to host").hasMessageContaining("3 attempts").hasMessageContaining("5 of 12 blocks are kept");
        sent.set(0);
        Transfer.Received received = fetch(transfer(2, 1, (lane, offset) -> { }), TransferTerms.free());
        requireWhole(received);
        assertThat(received.kept()).isEqualTo(5 << 20);
        assertThat(sent).hasValue(SIZE - (5 << 20));
    }

    @Test
    void doesNotRetryWhatRepeatingWillNotHeal() {
        assertThatThrownBy(() -> fetch(transfer(3, 5, (lane, offset) -> {
            throw new FerryException("refused");
        }), TransferTerms.free())).isExactlyInstanceOf(FerryException.class).hasMessage("refused");
        assertThat(opened.get()).isLessThanOrEqualTo(3);
        assertThatThrownBy(() -> fetch(transfer(3, 5, (lane, offset) -> {
            throw new FileChanged("changed");
        }), TransferTerms.free())).isInstanceOf(FileChanged.class);
    }

    @Test
    void stopsWhenAskedAndKeepsWhatCame() {
        Cancellation stop = new Cancellation();
        Progress half = step -> {
            if (step.done() > SIZE / 2) {
                stop.request();
            }
        };
        assertThatThrownBy(() -> fetch(transfer(2, 1, (lane, offset) -> { }), new TransferTerms(Bandwidth.UNLIMITED, half, stop))).isInstanceOf(Cancelled.class);
        Transfer.Received received = fetch(transfer(2, 1, (lane, offset) -> { }), TransferTerms.free());
        requireWhole(received);
        assertThat(received.kept()).isGreaterThanOrEqualTo(3 << 20);
    }

    @Test
    void keepsNothingOfAnotherVersion() {
        fetch(transfer(2, 1, (lane, offset) -> { }), TransferTerms.free());
        FileEntry other = FileEntry.of("w", SIZE, 5);
        assertThat(transfer(2, 1, (lane, offset) -> { }).fetch(other, dir.resolve("w.part"), TransferTerms.free()).kept()).isZero();
    }

    @Test
    void saysWhenTheDiskRefuses() throws Exception {
        Path file = Files.createDirectory(dir.resolve("w.part"));
        assertThatThrownBy(() -> fetch(transfer(1, 1, (lane, offset) -> { }), TransferTerms.free())).isInstanceOf(FerryException.class).hasMessageContaining(file.toString());
    }

    @Test
    void fillsSegmentsFromAStreamThatOnlyGoesForward() {
        // A server that ignores ranges: each lane gets the file from its first byte.
        RangedTransfer sequential = new RangedTransfer("test", entry -> new Lane() {
            @Override
            public void carry(SegmentQueue queue) throws IOException {
                SegmentQueue.Segment segment = queue.next();
                while (segment != null) {
                    int[] at = {0};
                    segment = SequentialLane.fill(() -> {
                        int length = Math.min(70_001, SIZE - at[0]);
                        ByteBuffer bytes = length == 0 ? null : ByteBuffer.wrap(content, at[0], length);
                        at[0] += length;
                        return bytes;
                    }, 0, segment, queue, SIZE);
                }
            }

            @Override
            public void close() {
                // nothing
            }
        }, new RangedTransfer.Shape(3, 2 << 20, 1, Duration.ZERO));
        requireWhole(fetch(sequential, TransferTerms.free()));
    }
}
