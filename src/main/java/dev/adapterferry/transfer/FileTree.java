package dev.adapterferry.transfer;

import java.io.Closeable;
import java.util.List;
import java.util.Map;

/**
 * A place that holds files: a folder behind SSH, a local folder, a Hugging Face repository, a bucket. The seam between
 * "what to fetch" and "over which wire". Safe for use by several threads; closing ends its connections.
 */
public interface FileTree extends Closeable {
    /**
     * Whether a folder of that name is listed wherever an adapter lies: that of the further chat templates that transformers keeps beside one, and those of
     * sentence-transformers' modules, as {@code 1_Pooling}.
     */
    static boolean isPart(String folder) {
        return folder.equals("additional_chat_templates") || folder.matches("[0-9]_[A-Za-z][A-Za-z0-9]{0,60}");
    }

    /**
     * Whether a file is near enough to the root to be listed.
     *
     * @param name its path below the root
     */
    static boolean lists(String name) {
        String[] parts = name.split("/", -1);
        return parts.length <= 2 || parts.length == 3 && isPart(parts[1]);
    }

    /** Where this is, as a user would say it, without secrets: {@code root@10.0.0.1:20022:/workspace/out}. */
    String place();

    /**
     * Lists the files that {@link #lists} names: those of the root, of the folders directly below it, and what
     * {@link #isPart} names one folder deeper. Names are relative and clean: no {@code ..}, no control characters. Links are followed only inside the root; others carry a refusal.
     *
     * @return the files, in any order
     * @throws dev.adapterferry.failure.FerryException    when the place is missing, unreadable, or its listing is not to be trusted
     * @throws dev.adapterferry.failure.TransientFailure when the place could not be asked
     */
    List<FileEntry> list();

    /**
     * Reads a piece of a file, for looking into headers and small files.
     *
     * @param file   a file of this tree
     * @param offset first byte
     * @param length at most this many bytes, up to 16 MiB
     * @return the bytes; fewer than asked only at the end of the file
     */
    byte[] read(FileEntry file, long offset, int length);

    /**
     * The far side's own digests of some files, computed now when it is able to, else those it states.
     *
     * @param files files of this tree
     * @return digest per {@link FileEntry#name()}; files for which there is none are absent
     */
    Map<String, Checksum> checksums(List<FileEntry> files);

    /** Whether files can change here while somebody reads them: true for a folder, false for a commit. */
    boolean isLive();

    /**
     * Whether some process has a file open for writing, as far as the far side can tell.
     *
     * @param file a file of this tree
     */
    default boolean isBeingWritten(FileEntry file) {
        return false;
    }

    /** Brings a file of this tree here. */
    Transfer transfer();

    @Override
    void close();
}
