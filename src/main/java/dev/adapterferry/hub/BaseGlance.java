package dev.adapterferry.hub;

import dev.adapterferry.tensor.Checkpoint;
import java.util.Optional;

/**
 * A base before anything of it is downloaded.
 *
 * @param base         where it is, or will be
 * @param missingFiles files that a download would bring
 * @param missingBytes their size
 * @param outline      configuration and tensors without values, read from the hub; empty when all files are here already
 */
public record BaseGlance(BaseResolver.Base base, int missingFiles, long missingBytes, Optional<Checkpoint> outline) {
    /** Whether all of it is on this machine. */
    public boolean here() {
        return outline.isEmpty();
    }
}
