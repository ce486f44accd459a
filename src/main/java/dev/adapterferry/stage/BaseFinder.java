package dev.adapterferry.stage;

import dev.adapterferry.tensor.Checkpoint;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Finds the base checkpoint of a run: named by the request, by the settings, or by the adapter itself. */
public interface BaseFinder {
    /**
     * Which base it will be, down to its commit; cheap, nothing is downloaded.
     *
     * @param run     what was asked for and configured
     * @param adapter the adapter's folder, whose configuration names what it was trained on
     * @return the base; its folder need not be complete, or there, yet
     * @throws dev.adapterferry.failure.FerryException when nobody names one, or it cannot be had
     */
    MergedModel.Base name(RunContext run, Path adapter);

    /**
     * The base, complete and on this machine. Of one run it is the one that {@link #name} has named.
     *
     * @param run     what was asked for and configured
     * @param adapter the adapter's folder, whose configuration names what it was trained on
     * @param judge   sees names and shapes of one that has to be downloaded first, and throws to refuse it; closes it
     * @throws dev.adapterferry.failure.FerryException when it cannot be had
     */
    MergedModel.Base find(RunContext run, Path adapter, Consumer<Checkpoint> judge);
}
