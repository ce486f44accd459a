package dev.adapterferry.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Arguments of a call, a filter or a test.
 *
 * @param positional by place
 * @param named      by name
 */
record Arguments(List<Expression> positional, Map<String, Expression> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** Values of those given by place. */
    List<Object> places(Scope scope) {
        List<Object> values = new ArrayList<>();
        positional.forEach(argument -> values.add(argument.value(scope)));
        return values;
    }

    /** Values of those given by name. */
    Map<String, Object> names(Scope scope) {
        Map<String, Object> values = new LinkedHashMap<>();
        named.forEach((name, argument) -> values.put(name, argument.value(scope)));
        return values;
    }
}
