package dev.adapterferry.source.vast;

/**
 * What must be known of a pull before its instance may be touched.
 *
 * @param instance     the instance that it came from
 * @param files        files that were pulled
 * @param verified     files of them whose SHA-256, computed on both sides, agree
 * @param opened       whether the local copy of the weights was opened and found sound
 * @param trainingOver whether the training says that it has finished, or a person has accepted it as it is
 */
public record Homecoming(long instance, int files, int verified, boolean opened, boolean trainingOver) {
    /** Why the instance must be left alone; empty when nothing speaks against it. */
    String objection() {
        if (files == 0) {
            return "nothing was pulled";
        }
        if (verified != files) {
            return (files - verified) + " of " + files + " files have no checksum that was compared on both sides";
        }
        if (!opened) {
            return "the weights were not opened here";
        }
        return trainingOver ? "" : "the training has not said that it is finished";
    }
}
