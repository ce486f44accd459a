package dev.adapterferry.failure;

import java.nio.file.Path;

/** A file that is not what its format demands. Always says where: file, byte offset, and the entry in question. */
public class MalformedFile extends FerryException {
    private static final long serialVersionUID = 1L;
    private static final String ADVICE = "It is damaged, or was not copied whole: get it again";

    private final transient Path file;
    private final long offset;

    /**
     * A file that somebody has to get again.
     *
     * @param file   the offending file
     * @param offset byte offset at which the reader stopped believing, or -1 when the defect has no single place
     * @param defect what was expected and what was found, for example "tensor 'x' ends at 90, the file at 80"; no full stop
     */
    public MalformedFile(Path file, long offset, String defect) {
        this(file, offset, defect, ADVICE);
    }

    /**
     * A file of which there is more to say.
     *
     * @param advice what to do, a sentence without its full stop
     */
    public MalformedFile(Path file, long offset, String defect, String advice) {
        super("Cannot read " + file + (offset < 0 ? "" : " at byte " + offset) + ": " + defect + ". " + advice + ".");
        this.file = file;
        this.offset = offset;
    }

    /** The offending file. */
    public Path file() {
        return file;
    }

    /** Byte offset of the defect, or -1. */
    public long offset() {
        return offset;
    }
}
