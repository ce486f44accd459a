package dev.adapterferry.transfer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps two processes, or two threads, from bringing the same thing into the same place at once. Ends with its process. */
public final class FolderLock implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(FolderLock.class);
    private static final Duration INTERVAL = Duration.ofMillis(500);

    private final Path file;
    private final FileChannel channel;

    private FolderLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes the lock or refuses at once.
     *
     * @param file  the lock file, made here and deleted at the end
     * @param thing what is locked, for the message
     * @throws TransientFailure when somebody else holds it
     */
    public static FolderLock take(Path file, String thing) {
        for (int attempt = 0; attempt < 100; attempt++) {
            FileChannel channel = null;
            try {
                channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock();
                String token = UUID.randomUUID().toString();
                if (lock != null) {
                    channel.truncate(0).write(StandardCharsets.US_ASCII.encode(token), 0);
                    // The former holder may have deleted the file between our opening and locking it; then this is a lock on nothing.
                    if (Files.exists(file) && token.equals(Files.readString(file, StandardCharsets.US_ASCII))) {
                        return new FolderLock(file, channel);
                    }
                    channel.close();
                    continue;
                }
                channel.close();
            } catch (OverlappingFileLockException e) {
                close(channel);
            } catch (IOException e) {
                close(channel);
                throw new FerryException("Cannot lock " + thing + " with " + file + ": " + Durable.reason(e) + ".", e);
            }
            throw new TransientFailure("Something else is working on " + thing + " at this moment. Wait for it, or end it, and try again.");
        }
        throw new TransientFailure("Cannot get hold of " + thing + ": its lock " + file + " keeps vanishing.");
    }

    /**
     * Takes the lock, waiting for whoever holds it.
     *
     * @param file         the lock file
     * @param thing        what is locked, for messages
     * @param cancellation ends the wait
     */
    public static FolderLock await(Path file, String thing, Cancellation cancellation) {
        for (boolean told = false; ; told = true) {
            try {
                return take(file, thing);
            } catch (TransientFailure e) {
                if (!told) {
                    LOG.info("Something else is working on {} at this moment; waiting for it.", thing);
                }
            }
            cancellation.check("waiting for " + thing);
            Pause.SLEEP.pause(INTERVAL);
        }
    }

    private static void close(FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new FerryException("Cannot close a lock: " + Durable.reason(e) + ".", e);
            }
        }
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(file);
            channel.close();
        } catch (IOException e) {
            throw new FerryException("Cannot give up the lock " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
