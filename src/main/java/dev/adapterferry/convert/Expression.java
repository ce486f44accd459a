package dev.adapterferry.convert;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The small language in which architecture files name values of a configuration: {@code head_dim ?? hidden_size // num_attention_heads}.
 *
 * <p>Operators, loosest first: {@code a ?? b} (b when a is null), {@code + -}, {@code * / //} (the last one floors), unary
 * {@code -}. {@code a | b | c} takes the first name that is <em>present</em>, even if its value is null, as llama.cpp's
 * converter looks keys up. Functions: {@code floor}, {@code sqrt}, {@code nonzero} (null for 0), {@code count} (entries of a list, letters of a text),
 * {@code same} (what all entries of a list are, null when they differ; anything else as it is), {@code misplaced(list, n, k)} (how many entries break the
 * rule that all are set but each n-th, counted from k; 1, true and 'sliding_attention' are set), {@code contains(text, 'part')}, {@code differs(x, a, b, ...)} (true
 * when x is there and none of the others), {@code when(flag, a, b)} (b, or null, when the flag is false, 0 or null). A dotted name reaches into nested objects and,
 * by a number, into lists ({@code multipliers.0}), {@code rope.} and {@code rope_all.} into the normalised rope settings. Literals: numbers, {@code true},
 * {@code false}, {@code 'text'}.
 * Anything computed with null is null. Immutable.
 */
final class Expression {
    /** Where names get their values. */
    interface Names {
        /** True when the name exists, even with a null value. */
        boolean has(String name);

        /** Long, Double, Boolean, String, a JSON node, or null. */
        Object get(String name);
    }

    private sealed interface Node permits Constant, First, Binary, Call { }

    private record Constant(Object value) implements Node { }

    private record First(List<String> names) implements Node { }

    private record Binary(String operator, Node left, Node right) implements Node { }

    private record Call(String function, List<Node> arguments) implements Node { }

    private final String text;
    private final Node root;
    private int at;

    private Expression(String text) {
        this.text = text;
        this.root = otherwise();
        skipSpace();
        if (at < text.length()) {
            throw wrong("unexpected '" + text.substring(at) + "'");
        }
    }

    /**
     * Reads an expression.
     *
     * @throws IllegalArgumentException when the text is none
     */
    static Expression parse(String text) {
        return new Expression(text);
    }

    /** The value: Long, Double, Boolean, String, a JSON node, or null. */
    Object value(Names names) {
        return value(root, names);
    }

    /** The names that the expression looks up first, for messages. */
    String firstNames() {
        Node node = root;
        while (node instanceof Binary b) {
            node = b.left();
        }
        return node instanceof First f ? String.join(" | ", f.names()) : text;
    }

    @Override
    public String toString() {
        return text;
    }

    private static Object value(Node node, Names names) {
        return switch (node) {
            case Constant c -> c.value();
            case First f -> f.names().stream().filter(names::has).findFirst().map(names::get).orElse(null);
            case Binary b when b.operator().equals("??") -> {
                Object left = value(b.left(), names);
                yield left != null ? left : value(b.right(), names);
            }
            case Binary b -> arithmetic(b.operator(), value(b.left(), names), value(b.right(), names));
            case Call c -> ExpressionFunctions.call(c.function(), c.arguments().stream().<Supplier<Object>>map(argument -> () -> value(argument, names)).toList());
        };
    }

    private static Object arithmetic(String operator, Object left, Object right) {
        if (!(left instanceof Number l) || !(right instanceof Number r)) {
            return null;
        }
        double a = l.doubleValue();
        double b = r.doubleValue();
        boolean whole = left instanceof Long && right instanceof Long;
        return switch (operator) {
            case "+" -> number(a + b, whole);
            case "-" -> number(a - b, whole);
            case "*" -> number(a * b, whole);
            case "//" -> number(Math.floor(a / b), true);
            default -> a / b;
        };
    }

    private static Object number(double value, boolean whole) {
        return whole ? (Object) (long) value : (Object) value;
    }

    private Node otherwise() {
        Node left = sum();
        while (accept("??")) {
            left = new Binary("??", left, sum());
        }
        return left;
    }

    private Node sum() {
        Node left = product();
        while (true) {
            if (accept("+")) {
                left = new Binary("+", left, product());
            } else if (accept("-")) {
                left = new Binary("-", left, product());
            } else {
                return left;
            }
        }
    }

    private Node product() {
        Node left = unary();
        while (true) {
            if (accept("//")) {
                left = new Binary("//", left, unary());
            } else if (accept("*")) {
                left = new Binary("*", left, unary());
            } else if (accept("/")) {
                left = new Binary("/", left, unary());
            } else {
                return left;
            }
        }
    }

    private Node unary() {
        if (accept("-")) {
            return new Binary("-", new Constant(0L), unary());
        }
        if (accept("(")) {
            Node inner = otherwise();
            demand(")");
            return inner;
        }
        skipSpace();
        int start = at;
        if (at < text.length() && Character.isDigit(text.charAt(at))) {
            while (at < text.length() && "0123456789.eE".indexOf(text.charAt(at)) >= 0) {
                boolean exponent = Character.toLowerCase(text.charAt(at++)) == 'e';
                if (exponent && at < text.length() && "+-".indexOf(text.charAt(at)) >= 0) {
                    at++;
                }
            }
            String digits = text.substring(start, at);
            return new Constant(digits.chars().allMatch(Character::isDigit) ? (Object) Long.valueOf(digits) : (Object) Double.valueOf(digits));
        }
        if (accept("'")) {
            int end = text.indexOf('\'', at);
            if (end < 0) {
                throw wrong("a closing ' is missing");
            }
            Node literal = new Constant(text.substring(at, end));
            at = end + 1;
            return literal;
        }
        String name = name();
        if (name.equals("true") || name.equals("false")) {
            return new Constant(Boolean.valueOf(name));
        }
        if (accept("(")) {
            List<Node> arguments = new ArrayList<>(List.of(otherwise()));
            while (accept(",")) {
                arguments.add(otherwise());
            }
            demand(")");
            if (!ExpressionFunctions.has(name, arguments.size())) {
                throw wrong("no function '" + name + "' of " + arguments.size() + " arguments");
            }
            return new Call(name, arguments);
        }
        List<String> names = new ArrayList<>(List.of(name));
        while (accept("|")) {
            names.add(name());
        }
        return new First(names);
    }

    private String name() {
        skipSpace();
        int start = at;
        while (at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_' || text.charAt(at) == '.')) {
            at++;
        }
        if (start == at) {
            throw wrong("a name is missing");
        }
        return text.substring(start, at);
    }

    private boolean accept(String symbol) {
        skipSpace();
        // "/" must not eat half of "//".
        boolean found = text.startsWith(symbol, at) && !(symbol.equals("/") && text.startsWith("//", at));
        at += found ? symbol.length() : 0;
        return found;
    }

    private void demand(String symbol) {
        if (!accept(symbol)) {
            throw wrong("'" + symbol + "' is missing");
        }
    }

    private void skipSpace() {
        while (at < text.length() && text.charAt(at) == ' ') {
            at++;
        }
    }

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException("expression '" + text + "', position " + at + ": " + what);
    }
}
