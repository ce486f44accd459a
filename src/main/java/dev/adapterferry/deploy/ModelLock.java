package dev.adapterferry.deploy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
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
import java.util.concurrent.TimeUnit;
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
    private final ReentrantLock threads = new ReentrantLock(true);
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
     */
    static ModelLock hold(Path directory, Duration patience) {
        return open(directory, patience).orElseThrow(() -> new TransientFailure("Another deployment or rollback of " + directory.getFileName() + " is under way (" + holder(directory)
                + "). Wait until it has ended, then try again."));
    }

    /** Takes the lock when it is free at once. */
    static Optional<ModelLock> tryHold(Path directory) {
        return open(directory, Duration.ZERO);
    }

    private static Optional<ModelLock> open(Path directory, Duration patience) {
        ModelLock lock = of(directory);
        long end = System.nanoTime() + patience.toNanos();
        boolean entered = false;
        boolean locked = false;
        try {
            entered = patience.isZero() ? lock.threads.tryLock() : lock.threads.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS);
            if (!entered) {
                return Optional.empty();
            }
            while (!lock.lockFile()) {
                if (System.nanoTime() >= end) {
                    return Optional.empty();
                }
                Thread.sleep(POLL_MILLIS);
            }
            locked = true;
            return Optional.of(lock);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("waiting for another deployment of " + directory.getFileName());
        } catch (IOException e) {
            throw new FerryException("Cannot lock " + directory + ": " + Durable.reason(e) + ".", e);
        } finally {
            if (entered && !locked) {
                lock.threads.unlock();
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
