package dev.adapterferry.chat;

import java.util.HashMap;
import java.util.Map;

/** Names visible at one place of a template. What a loop or macro sets inside is forgotten outside, as Jinja wants it. */
final class Scope {
    private final Scope outer;
    private final Map<String, Object> names = new HashMap<>();

    Scope(Scope outer) {
        this.outer = outer;
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            if (scope.names.containsKey(name)) {
                return scope.names.get(name);
            }
        }
        return new Values.Undefined("'" + name + "'");
    }

    void set(String name, Object value) {
        names.put(name, value);
    }
}
