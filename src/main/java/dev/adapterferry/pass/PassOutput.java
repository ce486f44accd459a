package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufPlan;
import java.nio.file.Path;

/**
 * One file that a pass writes.
 *
 * @param format name of its mix, for messages and the manifest, for example {@code Q4_K_M}
 * @param file   its final path; an existing file is replaced when the new one is complete
 * @param plan   its bytes but for the weights; the tensors are those of the source, in the source's order
 */
public record PassOutput(String format, Path file, GgufPlan plan) {
    /** Where the file grows: beside its final path, so that the last step is a rename. */
    Path part() {
        return file.resolveSibling(file.getFileName() + ".part");
    }
}
