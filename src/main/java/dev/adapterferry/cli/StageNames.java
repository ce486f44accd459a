package dev.adapterferry.cli;

import dev.adapterferry.settings.Stage;
import java.util.Arrays;
import java.util.Iterator;

/** The stages' names, for help texts and completion. */
final class StageNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
        return Arrays.stream(Stage.values()).map(Stage::text).iterator();
    }
}
