package dev.adapterferry.transfer;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;

/**
 * What holds for every file of one pull.
 *
 * @param bandwidth    limit shared by all lanes
 * @param progress     hears bytes per file
 * @param cancellation looked at for every block
 */
public record TransferTerms(Bandwidth bandwidth, Progress progress, Cancellation cancellation) {
    /** No limit, no listener, never stopped. */
    public static TransferTerms free() {
        return new TransferTerms(Bandwidth.UNLIMITED, Progress.NONE, new Cancellation());
    }
}
