package dev.adapterferry.files;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An open file that no other process and no other thread may open in this way as long as it is open. Locks end with their process. A process loses its lock
 * on a file when it closes any descriptor of it (fcntl(2)): so a second one is not even opened here, and whoever holds the lock must not open the file another time.
 */
public final class LockedFile implements Closeable {
    private static final Set<Path> HERE = ConcurrentHashMap.newKeySet();

    private final Path key;
    private final FileChannel channel;

    private LockedFile(Path key, FileChannel channel) {
        this.key = key;
        this.channel = channel;
    }

    /**
     * Opens and locks a file.
     *
     * @param file    its folder exists
     * @param options how to open it; for writing at least
     * @return empty when somebody else has locked it
     * @throws IOException when it cannot be opened or locked
     */
    public static Optional<LockedFile> open(Path file, Set<? extends OpenOption> options) throws IOException {
        Path key = file.toAbsolutePath().getParent().toRealPath().resolve(file.getFileName());
        if (!HERE.add(key)) {
            return Optional.empty();
        }
        FileChannel channel = null;
        boolean locked = false;
        try {
            channel = FileChannel.open(file, options);
            FileLock lock = channel.tryLock();
            locked = lock != null;
            return locked ? Optional.of(new LockedFile(key, channel)) : Optional.empty();
        } catch (OverlappingFileLockException e) {
            // The same file under another name.
            return Optional.empty();
        } finally {
            if (!locked) {
                release(key, channel);
            }
        }
    }

    private static void release(Path key, FileChannel channel) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HERE.remove(key);
        }
    }

    /** For reading and writing it; stays this object's to close. */
    public FileChannel channel() {
        return channel;
    }

    /** Closes the file and gives up the lock; a second time does nothing. */
    @Override
    public void close() throws IOException {
        if (channel.isOpen()) {
            release(key, channel);
        }
    }
}
