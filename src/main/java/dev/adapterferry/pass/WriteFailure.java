package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The disk refused bytes. What is written can be gone on with once there is room. */
final class WriteFailure extends FerryException {
    private static final long serialVersionUID = 1L;

    private WriteFailure(String sentence, IOException cause) {
        super(sentence, cause);
    }

    /**
     * A refused write.
     *
     * @param output what was being written
     * @param resume true when a journal lets the same command go on
     * @param cause  the system's reason
     */
    static WriteFailure writing(PassOutput output, boolean resume, IOException cause) {
        return new WriteFailure("Cannot write " + output.part() + ": " + Durable.reason(cause) + " (the whole file takes " + output.plan().size() + " bytes, "
                + free(output.file()) + " are free there). " + (resume ? "Make room and run the same command: it goes on where it stood."
                : "What was written is removed: make room and run again."), cause);
    }

    /** A finished file that could not be forced to the medium or given its name. */
    static WriteFailure naming(PassOutput output, IOException cause) {
        return new WriteFailure("Cannot give " + output.part() + " its name " + output.file().getFileName() + ": " + Durable.reason(cause) + ".", cause);
    }

    /** Too little room, known before anything is written. */
    static WriteFailure noRoom(Path folder, long needed, long free) {
        return new WriteFailure("Cannot write to " + folder + ": " + needed + " bytes are needed, " + free + " are free. Make room or choose another folder.", null);
    }

    private static String free(Path file) {
        try {
            return Long.toString(Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace());
        } catch (IOException e) {
            return "an unknown number";
        }
    }
}
