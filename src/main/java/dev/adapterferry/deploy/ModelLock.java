package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One deployment of a model at a time, within this process and between processes (file lock). The thread that holds it may
 * take it again. The file says who holds it, for those who have to wait.
 */
final class ModelLock implements AutoCloseable {
    /** How long somebody waits for a deployment that is just ending. */
    static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final long POLL_MILLIS = 50;
    /** Far behind the text: Windows lets nobody read a range that is locked. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;
    private static final Map<Path, ModelLock> LOCKS = new ConcurrentHashMap<>();

    private final Path file;
    // File locks belong to the whole process, so threads need a lock of their own.
    private final ReentrantLock threads = new ReentrantLock();
    private FileChannel channel;
    /** What the file says while a thread of this process holds it, else null. */
    private volatile String own;

    private ModelLock(Path file) {
        this.file = file;
    }

    /**
     * Takes a model's lock.
     *
     * @param directory what is kept of the model, made when it is missing
     * @param patience  how long to wait for another deployment to end
     * @throws TransientFailure when another one goes on longer; names it
     * @throws dev.adapterferry.failure.Cancelled when a stop is requested meanwhile
     */
    static ModelLock hold(Path directory, Duration patience) {
        // What is free at once is taken also after a request to stop: putting a release back needs it.
        Optional<ModelLock> taken = tryHold(directory).or(() -> Cancellation.current().interrupting("wait for another deployment of " + directory.getFileName(), () -> await(directory, patience)));
        return taken.orElseThrow(() -> new TransientFailure("Another deployment or rollback of " + directory.getFileName() + " is under way (" + holder(directory)
                + "). Wait until it has ended, then try again."));
    }

    /** Takes the lock when it is free at once. */
    static Optional<ModelLock> tryHold(Path directory) {
        ModelLock lock = of(directory);
        return lock.threads.tryLock() ? lock.betweenProcesses() : Optional.empty();
    }

    private static Optional<ModelLock> await(Path directory, Duration patience) throws InterruptedException {
        for (long end = System.nanoTime() + patience.toNanos(); ; Thread.sleep(POLL_MILLIS)) {
            Optional<ModelLock> taken = tryHold(directory);
            if (taken.isPresent() || System.nanoTime() >= end) {
                return taken;
            }
        }
    }

    /** The second half, for the thread that has the first. */
    private Optional<ModelLock> betweenProcesses() {
        boolean locked = false;
        try {
            locked = lockFile();
            return locked ? Optional.of(this) : Optional.empty();
        } catch (IOException e) {
            throw new FerryException("Cannot lock " + file.getParent() + ": " + Durable.reason(e) + ".", e);
        } finally {
            if (!locked) {
                threads.unlock();
            }
        }
    }

    private boolean lockFile() throws IOException {
        if (channel != null) {
            return true;
        }
        Files.createDirectories(file.getParent());
        FileChannel opened = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock taken = opened.tryLock(LOCKED_BYTE, 1, false);
            if (taken != null) {
                opened.truncate(0);
                String holder = "process " + ProcessHandle.current().pid() + ", since " + Instant.now().truncatedTo(ChronoUnit.SECONDS);
                opened.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)));
                own = holder;
                channel = opened;
            }
            return taken != null;
        } finally {
            if (channel == null) {
                opened.close();
            }
        }
    }

    /** Who holds a lock. The file is not opened when it is a thread of this process: closing it again would give up the lock. */
    private static String holder(Path directory) {
        ModelLock lock = of(directory);
        String own = lock.own;
        if (own != null) {
            return own;
        }
        try {
            String text = Files.readString(lock.file).strip();
            return text.isEmpty() ? "another process" : text;
        } catch (IOException e) {
            return "another process";
        }
    }

    private static ModelLock of(Path directory) {
        return LOCKS.computeIfAbsent(directory.toAbsolutePath().normalize().resolve("lock"), ModelLock::new);
    }

    @Override
    public void close() {
        try {
            if (threads.getHoldCount() == 1 && channel != null) {
                FileChannel opened = channel;
                channel = null;
                own = null;
                opened.close();
            }
        } catch (IOException e) {
            // Closing releases the lock in any case.
        } finally {
            threads.unlock();
        }
    }
}
