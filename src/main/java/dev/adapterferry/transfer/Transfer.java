package dev.adapterferry.transfer;

import java.nio.file.Path;

/** A way to bring the bytes of one file here. Safe for several files at once. */
public interface Transfer {
    /** The name in settings, records and messages: {@code sftp}, {@code rsync}, {@code scp}, {@code https}, {@code copy}. */
    String method();

    /**
     * Brings the whole file into {@code part}, keeping what an earlier attempt left there when it still belongs to the
     * same version of the file. On return {@code part} has the file's size; whether the content is right is for the
     * caller to compare; {@link PartFile#finish} then gives it its name, or {@link PartFile#discard} throws it away.
     *
     * @param file  what to fetch
     * @param part  where the bytes go; a journal may lie beside it while it is incomplete
     * @param terms limit, listener and stop request
     * @return SHA-256 of what lies in {@code part} now, and what was transferred for it
     * @throws dev.adapterferry.failure.TransientFailure when the wire failed too often; {@code part} is kept for resuming
     * @throws dev.adapterferry.failure.FerryException    when repeating will not help
     */
    Received fetch(FileEntry file, Path part, TransferTerms terms);

    /**
     * What a transfer did.
     *
     * @param sha256      digest of the file that lies here now
     * @param transferred bytes that came over the wire in this attempt
     * @param kept        bytes that an earlier attempt had left and that were verified
     */
    record Received(Checksum sha256, long transferred, long kept) { }
}
