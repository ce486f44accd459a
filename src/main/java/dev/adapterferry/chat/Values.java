package dev.adapterferry.chat;

import dev.adapterferry.failure.FerryException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Python's values as templates see them: text, long, double, boolean, null, lists, and maps with string keys. Arithmetic,
 * comparison, truth and the way each is printed are Python's.
 */
final class Values {
    /** A name or member that is not there; using it for more than a question is an error. */
    record Undefined(String what) { }

    /** Something that can be called. */
    @FunctionalInterface
    interface Function {
        Object call(List<Object> positional, Map<String, Object> named);
    }

    /** The one object whose members a template may set. */
    static final class Namespace extends LinkedHashMap<String, Object> {
        private static final long serialVersionUID = 1L;
    }

    private Values() { }

    static FerryException failure(String sentence) {
        return new FerryException("Cannot render the chat template: " + sentence + ".");
    }

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Undefined u -> false;
            case Boolean flag -> flag;
            case Long number -> number != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case Namespace n -> true;
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> true;
        };
    }

    /** As {@code str()} prints it; what is not there prints nothing. */
    static String text(Object value) {
        return switch (value) {
            case String text -> text;
            case Undefined u -> "";
            case null -> "None";
            default -> shown(value);
        };
    }

    /** As {@code repr()} prints it. */
    static String shown(Object value) {
        return switch (value) {
            case null -> "None";
            case Boolean flag -> flag ? "True" : "False";
            case Double number -> shownDouble(number);
            case String text -> quoted(text);
            case Undefined u -> "Undefined";
            case List<?> list -> {
                List<String> parts = new ArrayList<>();
                list.forEach(part -> parts.add(shown(part)));
                yield "[" + String.join(", ", parts) + "]";
            }
            case Map<?, ?> map -> {
                List<String> parts = new ArrayList<>();
                map.forEach((key, inner) -> parts.add(shown(key) + ": " + shown(inner)));
                yield "{" + String.join(", ", parts) + "}";
            }
            default -> value.toString();
        };
    }

    /** Shortest digits that read back the same, as an exponent only below 1e-4 and from 1e16 on. */
    private static String shownDouble(double number) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return Double.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }
        BigDecimal digits = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        int exponent = digits.precision() - digits.scale() - 1;
        if (number == 0 || exponent >= -4 && exponent < 16) {
            String plain = digits.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String mantissa = digits.movePointLeft(exponent).toPlainString();
        return mantissa + (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    private static String quoted(String text) {
        char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
        StringBuilder out = new StringBuilder().append(quote);
        for (char c : text.toCharArray()) {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                case '\\' -> out.append("\\\\");
                default -> out.append(c == quote ? "\\" + c : Character.toString(c));
            }
        }
        return out.append(quote).toString();
    }

    static boolean equal(Object a, Object b) {
        Object left = a instanceof Boolean flag ? (Object) (flag ? 1L : 0L) : a;
        Object right = b instanceof Boolean flag ? (Object) (flag ? 1L : 0L) : b;
        if (left instanceof Number x && right instanceof Number y) {
            return x.doubleValue() == y.doubleValue();
        }
        if (left instanceof Undefined || right instanceof Undefined) {
            return left instanceof Undefined && right instanceof Undefined;
        }
        return Objects.equals(left, right);
    }

    static int compare(Object a, Object b) {
        if (a instanceof String x && b instanceof String y) {
            return x.compareTo(y);
        }
        return Double.compare(number(a), number(b));
    }

    static double number(Object value) {
        return switch (value) {
            case Long number -> number;
            case Double number -> number;
            case Boolean flag -> flag ? 1 : 0;
            case null, default -> throw failure("a number was expected, found " + (value instanceof Undefined u ? "nothing at " + u.what() : shown(value)));
        };
    }

    static long integer(Object value) {
        if (value instanceof Double) {
            throw failure("a whole number was expected, found " + shown(value));
        }
        return (long) number(value);
    }

    static Object arithmetic(String operator, Object a, Object b) {
        if (operator.equals("+") && a instanceof String x && b instanceof String y) {
            return x + y;
        }
        if (operator.equals("+") && a instanceof List<?> x && b instanceof List<?> y) {
            List<Object> joined = new ArrayList<>(x);
            joined.addAll(y);
            return joined;
        }
        if (operator.equals("*") && a instanceof String x && b instanceof Long times) {
            return x.repeat((int) Math.max(0, times));
        }
        if (operator.equals("+") && (a instanceof String || b instanceof String)) {
            throw failure("'+' cannot join " + kind(a) + " and " + kind(b));
        }
        double x = number(a);
        double y = number(b);
        boolean whole = !(a instanceof Double) && !(b instanceof Double);
        if (y == 0 && "/ // %".contains(operator)) {
            throw failure("division by zero");
        }
        return switch (operator) {
            case "+" -> whole ? (Object) (integer(a) + integer(b)) : (Object) (x + y);
            case "-" -> whole ? (Object) (integer(a) - integer(b)) : (Object) (x - y);
            case "*" -> whole ? (Object) (integer(a) * integer(b)) : (Object) (x * y);
            case "/" -> x / y;
            case "//" -> whole ? (Object) Math.floorDiv(integer(a), integer(b)) : (Object) Math.floor(x / y);
            case "%" -> whole ? (Object) Math.floorMod(integer(a), integer(b)) : (Object) (x - y * Math.floor(x / y));
            case "**" -> whole && y >= 0 ? (Object) (long) Math.pow(x, y) : (Object) Math.pow(x, y);
            default -> throw new IllegalArgumentException(operator);
        };
    }

    static boolean contains(Object container, Object item) {
        return switch (container) {
            case String text when item instanceof String part -> text.contains(part);
            case List<?> list -> list.stream().anyMatch(inner -> equal(inner, item));
            case Map<?, ?> map -> map.containsKey(item);
            case Undefined u -> false;
            case null, default -> throw failure("'in' needs a text, a list or a map, found " + kind(container));
        };
    }

    /** What a for loop or a filter walks over. */
    static List<Object> items(Object value) {
        return switch (value) {
            case List<?> list -> new ArrayList<>(list);
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String text -> new ArrayList<>(text.codePoints().mapToObj(Character::toString).toList());
            case Undefined u -> new ArrayList<>();
            case null, default -> throw failure("a list was expected, found " + kind(value));
        };
    }

    /** {@code object.name} and {@code object['name']} alike, as Jinja looks them up; methods come last. */
    static Object member(Object object, Object key) {
        if (object instanceof Undefined u) {
            throw failure(u.what() + " is not given, so it has no member '" + text(key) + "'");
        }
        if (object instanceof Map<?, ?> map && map.containsKey(key)) {
            return map.get(key);
        }
        if (key instanceof Long index && (object instanceof List<?> || object instanceof String)) {
            List<Object> items = items(object);
            long place = index < 0 ? index + items.size() : index;
            return place >= 0 && place < items.size() ? items.get((int) place) : new Undefined("item " + index);
        }
        if (key instanceof String name) {
            Function method = Methods.find(object, name);
            return method != null ? method : new Undefined("'" + name + "' of " + kind(object));
        }
        return new Undefined("member " + shown(key));
    }

    static Object slice(Object object, Long from, Long to, Long step) {
        List<Object> items = items(object);
        long stride = step == null ? 1 : step;
        if (stride == 0) {
            throw failure("a slice needs a step other than 0");
        }
        int size = items.size();
        long first = stride > 0 ? bound(from, 0, 0, size, size) : bound(from, size - 1L, -1, size - 1L, size);
        long last = stride > 0 ? bound(to, size, 0, size, size) : bound(to, -1, -1, size - 1L, size);
        List<Object> part = new ArrayList<>();
        for (long i = first; stride > 0 ? i < last : i > last; i += stride) {
            part.add(items.get((int) i));
        }
        if (object instanceof String) {
            StringBuilder joined = new StringBuilder();
            part.forEach(joined::append);
            return joined.toString();
        }
        return part;
    }

    private static long bound(Long given, long otherwise, long least, long most, int size) {
        if (given == null) {
            return otherwise;
        }
        return Math.clamp(given < 0 ? given + size : given, least, Math.max(least, most));
    }

    static String kind(Object value) {
        return switch (value) {
            case null -> "none";
            case String s -> "a text";
            case Long l -> "a number";
            case Double d -> "a number";
            case Boolean b -> "a truth value";
            case List<?> l -> "a list";
            case Map<?, ?> m -> "a map";
            case Undefined u -> "nothing at " + u.what();
            default -> "a function";
        };
    }
}
