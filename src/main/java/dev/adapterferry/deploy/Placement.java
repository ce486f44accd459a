package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a file a second place without a moment in which half of it is there. A hard link costs no space; a clone costs none
 * until one of both is written to; both and copies are checked, clones and copies by reading them back and comparing SHA-256.
 */
public final class Placement {
    /** How a file gets its second place. */
    public enum Way {
        /** Hard link, else copy. */
        AUTO,
        /** Hard link or failure. */
        HARD_LINK,
        /** A clone that shares blocks, else copy. */
        REFLINK,
        /** Always an own copy. */
        COPY,
        /** Symbolic link: only on demand, LM Studio often does not list them. */
        SYMBOLIC_LINK
    }

    private static final Logger LOG = LoggerFactory.getLogger(Placement.class);
    private static final long CHUNK = 64L << 20;

    private final Way way;
    private final Progress progress;
    private final Cancellation cancellation;

    /**
     * @param way          how to place
     * @param progress     hears of copied and hashed bytes
     * @param cancellation asked per chunk
     */
    public Placement(Way way, Progress progress, Cancellation cancellation) {
        this.way = way;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /**
     * Places a file; what lies at the place is replaced.
     *
     * @param source a finished file
     * @param place  new place, on any file system; named so that nobody takes it for finished
     * @param sha256 digest that a copy must have
     * @return how it was placed: HARD_LINK, REFLINK, COPY or SYMBOLIC_LINK
     */
    public Way place(Path source, Path place, String sha256) {
        boolean cloned = false;
        try {
            Files.createDirectories(place.getParent());
            Files.deleteIfExists(place);
            if (way == Way.SYMBOLIC_LINK) {
                Files.createSymbolicLink(place, source.toAbsolutePath());
                return Way.SYMBOLIC_LINK;
            }
            if ((way == Way.AUTO || way == Way.HARD_LINK) && link(source, place)) {
                return Way.HARD_LINK;
            }
            cloned = way == Way.REFLINK && Reflink.make(source.toRealPath(), place);
            if (cloned) {
                Durable.force(place);
            } else {
                if (way == Way.REFLINK) {
                    LOG.info("{} cannot be cloned to {}: the file system shares no blocks between files there, so it is copied", source, place);
                }
                copy(source, place);
            }
            // The store tells by this time whether somebody touched a kept file.
            Files.setLastModifiedTime(place, Files.getLastModifiedTime(source));
        } catch (IOException e) {
            throw new FerryException("Cannot place " + source + " at " + place + ": " + Durable.reason(e) + ".", e);
        }
        String found = Sha256.of(place, progress, cancellation);
        if (!found.equals(sha256)) {
            throw new FerryException("Copying " + source + " to " + place + " went wrong: expected SHA-256 " + sha256 + ", the copy has " + found + ". Check the disk.");
        }
        return cloned ? Way.REFLINK : Way.COPY;
    }

    private boolean link(Path source, Path place) throws IOException {
        try {
            // Through the real path: linking a symbolic link would only give a second symbolic link.
            Files.createLink(place, source.toRealPath());
            return true;
        } catch (IOException | UnsupportedOperationException e) {
            if (way == Way.HARD_LINK) {
                throw e instanceof IOException io ? io : new IOException("this file system has no hard links", e);
            }
            return false;
        }
    }

    private void copy(Path source, Path place) throws IOException {
        String activity = "copying " + source.getFileName();
        try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ);
             FileChannel out = FileChannel.open(place, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            long total = in.size();
            for (long done = 0; done < total; ) {
                cancellation.check(activity);
                long n = in.transferTo(done, Math.min(CHUNK, total - done), out);
                if (n <= 0) {
                    throw new IOException(source + " became shorter while it was copied");
                }
                done += n;
                progress.report(new Progress.Step(activity, done, total, Progress.Unit.BYTES));
            }
            out.force(true);
        }
    }
}
