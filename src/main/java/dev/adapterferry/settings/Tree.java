package dev.adapterferry.settings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A settings file as it stands, before anybody asks what it means: every node knows where it came from. */
sealed interface Tree {
    /** Where the node came from. */
    Origin origin();

    /** A key without a value, as when everything below it is commented out: the same as if the key were absent. */
    record Nothing(Origin origin) implements Tree { }

    /** A single value. */
    record Leaf(String text, Origin origin) implements Tree { }

    /** A sequence. */
    record Items(List<Tree> items, Origin origin) implements Tree { }

    /** A mapping, changeable while overrides are laid over it. */
    record Branch(Map<String, Tree> children, Origin origin) implements Tree {
        Branch(Origin origin) {
            this(new LinkedHashMap<>(), origin);
        }
    }

    /** What the node is, for messages. */
    default String kind() {
        return switch (this) {
            case Nothing nothing -> "nothing";
            case Leaf leaf -> "'" + leaf.text() + "'";
            case Items items -> "a list";
            case Branch branch -> "a section";
        };
    }
}
