package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/** The records as dotted keys, the form in which routes see them. */
final class Flattening {
    private Flattening() { }

    static Map<String, FlatValue> of(Settings settings) {
        Map<String, FlatValue> flat = new LinkedHashMap<>();
        section("", Shape.ROOT, settings, flat);
        return flat;
    }

    private static void section(String prefix, Shape.Section section, Object owner, Map<String, FlatValue> flat) {
        section.fields().values().forEach(field -> value(prefix + field.key(), field.shape(), field.of(owner), flat));
    }

    private static void value(String key, Shape shape, Object value, Map<String, FlatValue> flat) {
        switch (shape) {
            case Shape.Section section -> section(key + ".", section, value, flat);
            case Shape.Table table -> ((Map<?, ?>) value).forEach((name, entry) -> value(key + "." + name, table.value(), entry, flat));
            case Shape.Items items -> flat.put(key, new FlatValue(((List<?>) value).stream().map(Scalars::print).collect(Collectors.joining(",")), false));
            case Shape.Single single -> present(value).ifPresent(there -> flat.put(key, new FlatValue(Scalars.print(there), there instanceof Secret)));
        }
    }

    private static Optional<?> present(Object value) {
        return switch (value) {
            case Optional<?> optional -> optional;
            case OptionalLong optional -> optional.isPresent() ? Optional.of(optional.getAsLong()) : Optional.empty();
            case OptionalDouble optional -> optional.isPresent() ? Optional.of(optional.getAsDouble()) : Optional.empty();
            default -> Optional.of(value);
        };
    }
}
