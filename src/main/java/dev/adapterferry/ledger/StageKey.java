package dev.adapterferry.ledger;

import dev.adapterferry.files.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * The key of a stage: a hash over its name, its inputs and the settings that matter to it. Equal inputs give equal keys whatever
 * the order in which they are named; nothing can be moved from one input to its neighbour without changing the key.
 */
public final class StageKey {
    private final Map<String, String> inputs = new TreeMap<>();

    /**
     * @param stage   name of the stage
     * @param version version of the stage's work: raised when the same inputs give another result than before
     */
    public StageKey(String stage, int version) {
        with("stage", stage);
        with("version", version);
    }

    /**
     * Adds an input.
     *
     * @param name  what it is
     * @param value its value, whose text must say everything that matters; null counts as its own value
     */
    public StageKey with(String name, Object value) {
        if (inputs.put(name, value == null ? "-" : "=" + value) != null) {
            throw new IllegalArgumentException("input '" + name + "' is given twice");
        }
        return this;
    }

    /** The key, 64 lower-case hexadecimal digits. */
    public String hex() {
        StringBuilder text = new StringBuilder();
        inputs.forEach((name, value) -> text.append(name.length()).append(':').append(name).append(value.length()).append(':').append(value));
        return Sha256.of(text.toString().getBytes(StandardCharsets.UTF_8));
    }
}
