package dev.adapterferry.pass;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Points at which a pass can be taken up again: every so many blocks each strand's chain leaves its hash, and when all
 * have, everything before that point is written and known.
 */
final class Checkpoints {
    /**
     * A point of return.
     *
     * @param blocks number of blocks that are done
     * @param hashes of each strand's bytes before that point
     */
    record Checkpoint(long blocks, List<String> hashes) { }

    private final int strands;
    private final int every;
    private final long end;
    private final Map<Long, String[]> open = new ConcurrentHashMap<>();
    private Checkpoint latest;
    private boolean closed;

    /**
     * @param strands number of chains that must have passed
     * @param every   blocks between two points, 0 for none
     * @param end     number of blocks, always a point
     */
    Checkpoints(int strands, int every, long end) {
        this.strands = strands;
        this.every = every;
        this.end = end;
    }

    boolean isDue(long blocksDone) {
        return every > 0 && (blocksDone % every == 0 || blocksDone == end);
    }

    /** A strand's chain has passed a point. */
    void note(long blocksDone, int strand, String hash) {
        String[] hashes = open.computeIfAbsent(blocksDone, b -> new String[strands]);
        synchronized (this) {
            hashes[strand] = hash;
            if (Arrays.stream(hashes).allMatch(h -> h != null)) {
                open.remove(blocksDone);
                latest = new Checkpoint(blocksDone, new ArrayList<>(List.of(hashes)));
                notifyAll();
            }
        }
    }

    /** Waits for a point that nobody has taken yet; null when there will be none. */
    synchronized Checkpoint take() throws InterruptedException {
        while (latest == null && !closed) {
            wait();
        }
        Checkpoint taken = latest;
        latest = null;
        return taken;
    }

    /**
     * No more points will come.
     *
     * @param drop forget a point that nobody has taken yet
     */
    synchronized void close(boolean drop) {
        closed = true;
        latest = drop ? null : latest;
        notifyAll();
    }
}
