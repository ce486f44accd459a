package dev.adapterferry.deploy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/** One deployment of a model at a time, within this process (semaphore) and between processes (file lock). */
final class ModelLock implements AutoCloseable {
    // File locks belong to the whole process, so threads need a lock of their own.
    private static final Map<Path, Semaphore> THREADS = new ConcurrentHashMap<>();

    private final Semaphore threads;
    private final FileChannel channel;

    private ModelLock(Semaphore threads, FileChannel channel) {
        this.threads = threads;
        this.channel = channel;
    }

    /** Waits for its turn. */
    static ModelLock hold(Path directory) {
        return open(directory, true).orElseThrow();
    }

    /** Takes the lock when it is free at once. */
    static Optional<ModelLock> tryHold(Path directory) {
        return open(directory, false);
    }

    private static Optional<ModelLock> open(Path directory, boolean wait) {
        Semaphore threads = THREADS.computeIfAbsent(directory.toAbsolutePath().normalize(), path -> new Semaphore(1));
        boolean locked = false;
        FileChannel channel = null;
        try {
            if (wait) {
                threads.acquire();
            } else if (!threads.tryAcquire()) {
                return Optional.empty();
            }
            locked = true;
            Files.createDirectories(directory);
            channel = FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = wait ? channel.lock() : channel.tryLock();
            if (lock == null) {
                return Optional.empty();
            }
            ModelLock held = new ModelLock(threads, channel);
            locked = false;
            channel = null;
            return Optional.of(held);
        } catch (InterruptedException | ClosedByInterruptException | FileLockInterruptionException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("waiting for another deployment of " + directory.getFileName());
        } catch (IOException e) {
            throw new FerryException("Cannot lock " + directory + ": " + Durable.reason(e) + ".", e);
        } finally {
            close(channel);
            if (locked) {
                threads.release();
            }
        }
    }

    @Override
    public void close() {
        close(channel);
        threads.release();
    }

    private static void close(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // Closing releases the lock in any case.
        }
    }
}
