package dev.adapterferry.settings;

import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What differs between two readings of the settings.
 *
 * @param keys    dotted keys whose values differ, secrets included, and keys that only one of them has
 * @param restart those of them that a running daemon takes only when it is started again
 */
public record Changes(SortedSet<String> keys, SortedSet<String> restart) {
    static Changes between(Settings before, Settings after) {
        Map<String, FlatValue> old = before.flat();
        Map<String, FlatValue> fresh = after.flat();
        SortedSet<String> keys = new TreeSet<>(old.keySet());
        keys.addAll(fresh.keySet());
        keys.removeIf(key -> Objects.equals(old.get(key), fresh.get(key)));
        SortedSet<String> marked = Reference.rows().stream().filter(Reference.Row::restart).map(Reference.Row::key).filter(keys::contains).collect(Collectors.toCollection(TreeSet::new));
        return new Changes(keys, marked);
    }

    /** Whether nothing differs. */
    public boolean isEmpty() {
        return keys.isEmpty();
    }
}
