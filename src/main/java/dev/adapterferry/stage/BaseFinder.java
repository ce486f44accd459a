package dev.adapterferry.stage;

import java.nio.file.Path;

/** Finds the base checkpoint of a run: named by the request, by the settings, or by the adapter itself. */
@FunctionalInterface
public interface BaseFinder {
    /**
     * The base, complete and on this machine.
     *
     * @param run     what was asked for and configured
     * @param adapter the adapter's folder, whose configuration names what it was trained on
     * @throws dev.adapterferry.failure.FerryException when it cannot be had
     */
    MergedModel.Base find(RunContext run, Path adapter);
}
