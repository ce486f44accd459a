package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The functions of {@link Expression}, which says what each does. */
final class ExpressionFunctions {
    /** How many arguments a function takes at least, and at most. */
    private static final Map<String, List<Integer>> ARGUMENTS = Map.of("floor", List.of(1, 1), "sqrt", List.of(1, 1), "nonzero", List.of(1, 1), "count", List.of(1, 1), "same", List.of(1, 1),
            "misplaced", List.of(3, 3), "contains", List.of(2, 2), "differs", List.of(2, 99), "when", List.of(2, 3));

    private ExpressionFunctions() { }

    /** Whether there is a function of this name that takes so many arguments. */
    static boolean has(String name, int arguments) {
        List<Integer> counts = ARGUMENTS.get(name);
        return counts != null && arguments >= counts.getFirst() && arguments <= counts.getLast();
    }

    /**
     * What a function makes of its arguments.
     *
     * @param arguments asked for as far as they matter
     */
    static Object call(String name, List<Supplier<Object>> arguments) {
        Object first = arguments.getFirst().get();
        return switch (name) {
            case "when" -> when(first, arguments);
            case "contains" -> first instanceof String whole && arguments.get(1).get() instanceof String part && whole.contains(part);
            case "differs" -> first != null && arguments.stream().skip(1).noneMatch(other -> first.equals(other.get()));
            case "count" -> isList(first) ? (Object) (long) ((JsonNode) first).size() : first instanceof String text ? (Object) (long) text.length() : null;
            case "same" -> isList(first) ? same((JsonNode) first) : first;
            case "misplaced" -> isList(first) ? misplaced((JsonNode) first, arguments.get(1).get(), arguments.get(2).get()) : null;
            default -> first instanceof Number number ? ofNumber(name, number) : null;
        };
    }

    private static boolean isList(Object value) {
        return value instanceof JsonNode node && node.isArray();
    }

    private static Object when(Object flag, List<Supplier<Object>> arguments) {
        boolean holds = flag instanceof Boolean b ? b : flag instanceof Number n && n.doubleValue() != 0;
        return holds ? arguments.get(1).get() : arguments.size() > 2 ? arguments.get(2).get() : null;
    }

    private static Object same(JsonNode list) {
        return list.isEmpty() || !list.valueStream().allMatch(list.get(0)::equals) ? null : ModelConfig.plain(list.get(0));
    }

    private static Object misplaced(JsonNode list, Object every, Object from) {
        if (!(every instanceof Long n) || !(from instanceof Long k)) {
            return null;
        }
        return IntStream.range(0, list.size()).filter(i -> {
            JsonNode entry = list.get(i);
            boolean set = entry.isTextual() ? entry.asText().equals("sliding_attention") : entry.asInt() != 0 || entry.asBoolean();
            return set != (i % n != k);
        }).count();
    }

    private static Object ofNumber(String name, Number number) {
        double x = number.doubleValue();
        return switch (name) {
            case "floor" -> (long) Math.floor(x);
            case "sqrt" -> Math.sqrt(x);
            case "nonzero" -> x == 0 ? null : number;
            default -> throw new IllegalStateException(name);
        };
    }
}
