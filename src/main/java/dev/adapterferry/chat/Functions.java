package dev.adapterferry.chat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Filters, tests and global functions that templates use. What is not here is refused by name when the template is read. */
final class Functions {
    /** A filter or test: the value to its left, then the arguments. */
    @FunctionalInterface
    interface OnValue {
        Object apply(Object value, List<Object> p, Map<String, Object> n);
    }

    static final Map<String, OnValue> FILTERS = new LinkedHashMap<>();
    static final Map<String, OnValue> TESTS = new LinkedHashMap<>();

    static {
        filter("trim", (v, p, n) -> Methods.strip(Values.text(v), p, true, true));
        filter("upper", (v, p, n) -> Values.text(v).toUpperCase(Locale.ROOT));
        filter("lower", (v, p, n) -> Values.text(v).toLowerCase(Locale.ROOT));
        filter("title", (v, p, n) -> Methods.title(Values.text(v)));
        filter("capitalize", (v, p, n) -> Methods.capitalize(Values.text(v)));
        filter("replace", (v, p, n) -> Methods.replace(Values.text(v), Values.text(p.get(0)), Values.text(p.get(1)), p.size() > 2 ? Values.integer(p.get(2)) : -1));
        filter("string", (v, p, n) -> Values.text(v));
        filter("safe", (v, p, n) -> v);
        filter("length", (v, p, n) -> v instanceof Map<?, ?> map ? map.size() : (long) Values.items(v).size());
        FILTERS.put("count", FILTERS.get("length"));
        filter("int", (v, p, n) -> toInteger(v, p));
        filter("float", (v, p, n) -> v instanceof String text ? Double.parseDouble(text.strip()) : Values.number(v));
        filter("abs", (v, p, n) -> v instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(Values.integer(v)));
        filter("round", (v, p, n) -> {
            double unit = Math.pow(10, p.isEmpty() ? 0 : Values.integer(p.getFirst()));
            return Math.rint(Values.number(v) * unit) / unit;
        });
        filter("default", (v, p, n) -> {
            boolean alsoFalse = Values.truth(argument(p, 1, n, "boolean", false));
            return v instanceof Values.Undefined || alsoFalse && !Values.truth(v) ? argument(p, 0, n, "default_value", "") : v;
        });
        FILTERS.put("d", FILTERS.get("default"));
        filter("list", (v, p, n) -> Values.items(v));
        filter("first", (v, p, n) -> Values.items(v).stream().findFirst().orElse(new Values.Undefined("the first of nothing")));
        filter("last", (v, p, n) -> Values.items(v).isEmpty() ? new Values.Undefined("the last of nothing") : Values.items(v).getLast());
        filter("reverse", (v, p, n) -> Values.slice(v, null, null, -1L));
        filter("join", (v, p, n) -> {
            Object attribute = argument(p, 1, n, "attribute", null);
            return String.join(Values.text(argument(p, 0, n, "d", "")), Values.items(v).stream().map(item -> Values.text(attribute == null ? item : Values.member(item, attribute))).toList());
        });
        filter("items", (v, p, n) -> v instanceof Map<?, ?> map ? Methods.pairs(map) : Values.items(v));
        filter("dictsort", (v, p, n) -> {
            List<Object> pairs = Methods.pairs((Map<?, ?>) v);
            pairs.sort(Comparator.comparing(pair -> Values.text(((List<?>) pair).getFirst()).toLowerCase(Locale.ROOT)));
            return pairs;
        });
        filter("sort", (v, p, n) -> sorted(v, n));
        filter("unique", (v, p, n) -> unique(Values.items(v)));
        filter("sum", (v, p, n) -> Values.items(v).stream().reduce(0L, (a, b) -> Values.arithmetic("+", a, b)));
        filter("max", (v, p, n) -> Values.items(v).stream().max(Values::compare).orElse(new Values.Undefined("the largest of nothing")));
        filter("min", (v, p, n) -> Values.items(v).stream().min(Values::compare).orElse(new Values.Undefined("the least of nothing")));
        filter("map", (v, p, n) -> Values.items(v).stream().map(item -> mapped(item, p, n)).collect(ArrayList::new, ArrayList::add, ArrayList::addAll));
        filter("select", (v, p, n) -> chosen(v, p, null, true));
        filter("reject", (v, p, n) -> chosen(v, p, null, false));
        filter("selectattr", (v, p, n) -> chosen(v, p.subList(1, p.size()), p.getFirst(), true));
        filter("rejectattr", (v, p, n) -> chosen(v, p.subList(1, p.size()), p.getFirst(), false));
        filter("tojson", (v, p, n) -> Json.write(v, argument(p, 0, n, "indent", null)));
        filter("indent", (v, p, n) -> {
            Object width = argument(p, 0, n, "width", 4L);
            String blanks = width instanceof String text ? text : " ".repeat((int) Values.integer(width));
            String all = Values.text(v).replace("\n", "\n" + blanks).replaceAll("(?m)^[ ]+$", "");
            return Values.truth(argument(p, 1, n, "first", false)) ? blanks + all : all;
        });

        test("defined", (v, p, n) -> !(v instanceof Values.Undefined));
        test("undefined", (v, p, n) -> v instanceof Values.Undefined);
        test("none", (v, p, n) -> v == null);
        test("string", (v, p, n) -> v instanceof String);
        test("number", (v, p, n) -> v instanceof Number || v instanceof Boolean);
        test("integer", (v, p, n) -> v instanceof Long);
        test("float", (v, p, n) -> v instanceof Double);
        test("boolean", (v, p, n) -> v instanceof Boolean);
        test("true", (v, p, n) -> Boolean.TRUE.equals(v));
        test("false", (v, p, n) -> Boolean.FALSE.equals(v));
        test("mapping", (v, p, n) -> v instanceof Map<?, ?>);
        test("iterable", (v, p, n) -> v instanceof String || v instanceof List<?> || v instanceof Map<?, ?>);
        test("sequence", (v, p, n) -> v instanceof String || v instanceof List<?> || v instanceof Map<?, ?>);
        test("callable", (v, p, n) -> v instanceof Values.Function);
        test("odd", (v, p, n) -> Math.floorMod(Values.integer(v), 2) == 1);
        test("even", (v, p, n) -> Math.floorMod(Values.integer(v), 2) == 0);
        test("divisibleby", (v, p, n) -> Values.integer(v) % Values.integer(p.getFirst()) == 0);
        test("in", (v, p, n) -> Values.contains(p.getFirst(), v));
        for (String name : List.of("equalto", "eq", "==")) {
            test(name, (v, p, n) -> Values.equal(v, p.getFirst()));
        }
        test("ne", (v, p, n) -> !Values.equal(v, p.getFirst()));
        test("lt", (v, p, n) -> Values.compare(v, p.getFirst()) < 0);
        test("gt", (v, p, n) -> Values.compare(v, p.getFirst()) > 0);
        test("le", (v, p, n) -> Values.compare(v, p.getFirst()) <= 0);
        test("ge", (v, p, n) -> Values.compare(v, p.getFirst()) >= 0);
    }

    private Functions() { }

    /** Puts the global functions into a scope. */
    static void install(Scope scope) {
        scope.set("namespace", (Values.Function) (p, n) -> {
            Values.Namespace namespace = new Values.Namespace();
            namespace.putAll(n);
            return namespace;
        });
        scope.set("dict", (Values.Function) (p, n) -> new LinkedHashMap<>(n));
        scope.set("range", (Values.Function) (p, n) -> {
            long from = p.size() > 1 ? Values.integer(p.getFirst()) : 0;
            long to = Values.integer(p.get(p.size() > 1 ? 1 : 0));
            long step = p.size() > 2 ? Values.integer(p.get(2)) : 1;
            if (step == 0 || Math.abs((to - from) / step) > 100_000) {
                throw Values.failure("range(" + from + ", " + to + ", " + step + ") is too long");
            }
            List<Object> all = new ArrayList<>();
            for (long i = from; step > 0 ? i < to : i > to; i += step) {
                all.add(i);
            }
            return all;
        });
    }

    private static void filter(String name, OnValue filter) {
        FILTERS.put(name, filter);
    }

    private static void test(String name, OnValue test) {
        TESTS.put(name, test);
    }

    private static Object argument(List<Object> positional, int index, Map<String, Object> named, String name, Object otherwise) {
        return index < positional.size() ? positional.get(index) : named.getOrDefault(name, otherwise);
    }

    private static Object toInteger(Object value, List<Object> p) {
        try {
            return switch (value) {
                case String text -> (Object) (long) Double.parseDouble(text.strip());
                case Double number -> (Object) number.longValue();
                case null, default -> (Object) Values.integer(value);
            };
        } catch (NumberFormatException e) {
            return p.isEmpty() ? 0L : p.getFirst();
        }
    }

    private static List<Object> sorted(Object value, Map<String, Object> n) {
        List<Object> items = Values.items(value);
        Object attribute = n.get("attribute");
        Comparator<Object> order = (a, b) -> attribute == null ? compareFolded(a, b) : compareFolded(Values.member(a, attribute), Values.member(b, attribute));
        items.sort(Values.truth(n.get("reverse")) ? order.reversed() : order);
        return items;
    }

    private static int compareFolded(Object a, Object b) {
        return a instanceof String x && b instanceof String y ? x.toLowerCase(Locale.ROOT).compareTo(y.toLowerCase(Locale.ROOT)) : Values.compare(a, b);
    }

    private static List<Object> unique(List<Object> items) {
        List<Object> unique = new ArrayList<>();
        for (Object item : items) {
            if (unique.stream().noneMatch(seen -> Values.equal(seen, item))) {
                unique.add(item);
            }
        }
        return unique;
    }

    private static Object mapped(Object item, List<Object> p, Map<String, Object> n) {
        if (n.containsKey("attribute")) {
            Object member = Values.member(item, n.get("attribute"));
            return member instanceof Values.Undefined && n.containsKey("default") ? n.get("default") : member;
        }
        return named(FILTERS, "filter", Values.text(p.getFirst())).apply(item, p.subList(1, p.size()), n);
    }

    private static List<Object> chosen(Object value, List<Object> p, Object attribute, boolean wanted) {
        OnValue test = p.isEmpty() ? (v, q, n) -> Values.truth(v) : named(TESTS, "test", Values.text(p.getFirst()));
        List<Object> arguments = p.isEmpty() ? p : p.subList(1, p.size());
        List<Object> chosen = new ArrayList<>();
        for (Object item : Values.items(value)) {
            Object tested = attribute == null ? item : Values.member(item, attribute);
            if (Values.truth(test.apply(tested, arguments, Map.of())) == wanted) {
                chosen.add(item);
            }
        }
        return chosen;
    }

    /** A filter or test by name; refuses one that is not there. */
    static OnValue named(Map<String, OnValue> all, String kind, String name) {
        OnValue found = all.get(name);
        if (found == null) {
            throw Values.failure("it uses the " + kind + " '" + name + "', which is not known here");
        }
        return found;
    }
}
