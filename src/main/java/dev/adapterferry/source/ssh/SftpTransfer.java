package dev.adapterferry.source.ssh;

import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.RangedTransfer;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import java.io.Closeable;
import java.nio.file.Path;
import java.time.Duration;

/** Files over several SFTP channels at once, each keeping many reads under way. The usual way. */
public final class SftpTransfer implements Transfer, Closeable {
    private static final long SEGMENT_BYTES = 8L << 20;

    private final SftpLanes lanes;
    private final Transfer ranged;

    /**
     * @param connection the connection that found the machine; further ones go to the same address
     * @param folder     real path of the folder there
     * @param terms      number of channels and patience
     */
    public SftpTransfer(SshConnection connection, String folder, Terms terms) {
        this.lanes = new SftpLanes(connection, folder, terms.lanes(), terms.stall());
        this.ranged = new RangedTransfer("sftp", lanes, new RangedTransfer.Shape(terms.lanes(), SEGMENT_BYTES, terms.attempts(), Duration.ofMillis(500)));
    }

    /**
     * How hard to try.
     *
     * @param lanes    channels at once
     * @param attempts failures in a row without progress before giving up
     * @param stall    a channel that hears nothing for so long is given up
     */
    public record Terms(int lanes, int attempts, Duration stall) {
        /** Four channels, five attempts, half a minute. */
        public static Terms usual() {
            return new Terms(4, 5, Duration.ofSeconds(30));
        }
    }

    @Override
    public String method() {
        return ranged.method();
    }

    @Override
    public Received fetch(FileEntry file, Path part, TransferTerms terms) {
        return ranged.fetch(file, part, terms);
    }

    @Override
    public void close() {
        lanes.close();
    }
}
