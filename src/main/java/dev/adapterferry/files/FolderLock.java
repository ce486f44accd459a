package dev.adapterferry.files;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps two processes, or two threads, from bringing the same thing into the same place at once. Ends with its process. */
public final class FolderLock implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(FolderLock.class);
    private static final Duration INTERVAL = Duration.ofMillis(500);
    private static final Set<StandardOpenOption> OPTIONS = Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    private static final int LONGEST = 1 << 15;

    private final Path file;
    private final LockedFile locked;

    private FolderLock(Path file, LockedFile locked) {
        this.file = file;
        this.locked = locked;
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
            try {
                Optional<LockedFile> locked = LockedFile.open(file, OPTIONS);
                if (locked.isEmpty()) {
                    throw new TransientFailure("Something else is working on " + thing + " at this moment. Wait for it, or end it, and try again.");
                }
                if (isAtItsPlace(locked.get(), file)) {
                    return new FolderLock(file, locked.get());
                }
                locked.get().close();
            } catch (IOException e) {
                throw new FerryException("Cannot lock " + thing + " with " + file + ": " + Durable.reason(e) + ".", e);
            }
        }
        throw new TransientFailure("Cannot get hold of " + thing + ": its lock " + file + " keeps vanishing.");
    }

    /**
     * The former holder may have deleted the file between our opening and locking it; then this is a lock on nothing. Of what is open only the length can be seen, and
     * what lies there must not be opened: so a length is made up that no other is likely to have.
     */
    private static boolean isAtItsPlace(LockedFile locked, Path file) throws IOException {
        int length = ThreadLocalRandom.current().nextInt(1, LONGEST);
        locked.channel().truncate(0).write(ByteBuffer.allocate(length), 0);
        try {
            return Files.size(file) == length;
        } catch (NoSuchFileException e) {
            return false;
        }
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
            cancellation.pause("wait for " + thing, INTERVAL);
        }
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(file);
            locked.close();
        } catch (IOException e) {
            throw new FerryException("Cannot give up the lock " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
