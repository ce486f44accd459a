package dev.adapterferry.convert;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a file came from, written under {@code adapterferry.*} so that any copy of it can be traced. Empty fields are
 * not written.
 *
 * @param adapterSha256 SHA-256 of the adapter's weights, hex
 * @param baseModel     id of the base model, for example {@code Qwen/Qwen2.5-7B-Instruct}
 * @param baseCommit    commit of the base model
 * @param runId         the run that made the file
 * @param toolVersion   version of this program
 * @param finetune      what the adapter is called, written as {@code general.finetune}
 * @param adapterCard   the adapter's model card ({@code README.md}): its license and data sets count before the base's
 */
public record Provenance(Optional<String> adapterSha256, Optional<String> baseModel, Optional<String> baseCommit, Optional<String> runId,
        Optional<String> toolVersion, Optional<String> finetune, Optional<Path> adapterCard) {
    /** Nothing known. */
    public static final Provenance NONE = new Provenance(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(),
            Optional.empty());
}
