package dev.adapterferry.chat;

import dev.adapterferry.chat.Lexer.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compiles what operators join: literals, names, brackets, and what may follow them, which are members, subscripts, calls, filters and tests. */
final class OperandParser {
    private static final Set<String> AFTER_TEST = Set.of("else", "or", "and", "is", "not", "if", "in");

    private final TokenReader in;
    private final ExpressionParser whole;

    /** @param whole compiles what stands in brackets */
    OperandParser(TokenReader in, ExpressionParser whole) {
        this.in = in;
        this.whole = whole;
    }

    /** An operand with its members, subscripts and calls. */
    Expression operand() {
        return postfix(primary());
    }

    private Expression primary() {
        Lexer.Token token = in.peek();
        switch (token.kind()) {
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (in.sees(Kind.STRING)) {
                    text.append(in.next().text());
                }
                String whole = text.toString();
                return scope -> whole;
            }
            case INTEGER -> {
                Long number = number(in.next().text());
                return scope -> number;
            }
            case FLOAT -> {
                Double number = Double.valueOf(in.next().text());
                return scope -> number;
            }
            case NAME -> {
                return name(in.next().text());
            }
            default -> {
                return bracketed();
            }
        }
    }

    private Long number(String digits) {
        try {
            return Long.valueOf(digits);
        } catch (NumberFormatException e) {
            throw in.defect("the number " + digits + " is too large");
        }
    }

    private static Expression name(String name) {
        return switch (name) {
            case "true", "True" -> scope -> true;
            case "false", "False" -> scope -> false;
            case "none", "None" -> scope -> null;
            default -> scope -> scope.get(name);
        };
    }

    private Expression bracketed() {
        if (in.takeSymbol("(")) {
            if (in.takeSymbol(")")) {
                return scope -> new ArrayList<>();
            }
            Expression inner = whole.tuple();
            in.expectSymbol(")");
            return inner;
        }
        if (in.takeSymbol("[")) {
            List<Expression> parts = new ArrayList<>();
            while (!in.takeSymbol("]")) {
                parts.add(whole.expression());
                if (!in.seesSymbol("]")) {
                    in.expectSymbol(",");
                }
            }
            return listOf(parts);
        }
        if (in.takeSymbol("{")) {
            Map<Expression, Expression> entries = new LinkedHashMap<>();
            while (!in.takeSymbol("}")) {
                Expression key = whole.expression();
                in.expectSymbol(":");
                entries.put(key, whole.expression());
                if (!in.seesSymbol("}")) {
                    in.expectSymbol(",");
                }
            }
            return scope -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                entries.forEach((key, value) -> map.put(key.value(scope), value.value(scope)));
                return map;
            };
        }
        throw in.defect(in.sees(Kind.SYMBOL) ? "unexpected '" + in.peek().text() + "'" : "an expression was expected");
    }

    /** A list of what the parts are. */
    static Expression listOf(List<Expression> parts) {
        return scope -> {
            List<Object> list = new ArrayList<>();
            parts.forEach(part -> list.add(part.value(scope)));
            return list;
        };
    }

    private Expression postfix(Expression start) {
        Expression value = start;
        while (true) {
            Expression object = value;
            if (in.takeSymbol(".")) {
                Object key = in.sees(Kind.INTEGER) ? (Object) number(in.next().text()) : in.expectName();
                value = scope -> Values.member(object.value(scope), key);
            } else if (in.takeSymbol("[")) {
                value = subscript(object);
            } else if (in.seesSymbol("(")) {
                value = call(object);
            } else {
                return value;
            }
        }
    }

    private Expression subscript(Expression object) {
        Expression from = in.seesSymbol(":") ? null : whole.expression();
        if (in.takeSymbol("]")) {
            return scope -> Values.member(object.value(scope), from.value(scope));
        }
        in.expectSymbol(":");
        Expression to = in.seesSymbol(":") || in.seesSymbol("]") ? null : whole.expression();
        Expression step = in.takeSymbol(":") && !in.seesSymbol("]") ? whole.expression() : null;
        in.expectSymbol("]");
        return scope -> Values.slice(object.value(scope), bound(from, scope), bound(to, scope), bound(step, scope));
    }

    private static Long bound(Expression bound, Scope scope) {
        Object value = bound == null ? null : bound.value(scope);
        return value == null ? null : (Long) Values.integer(value);
    }

    private Arguments arguments() {
        Arguments arguments = new Arguments(new ArrayList<>(), new LinkedHashMap<>());
        in.expectSymbol("(");
        while (!in.takeSymbol(")")) {
            if (in.sees(Kind.NAME) && in.peek(1).is(Kind.SYMBOL, "=")) {
                String name = in.expectName();
                in.expectSymbol("=");
                arguments.named().put(name, whole.expression());
            } else {
                arguments.positional().add(whole.expression());
            }
            if (!in.seesSymbol(")")) {
                in.expectSymbol(",");
            }
        }
        return arguments;
    }

    private Expression call(Expression object) {
        int line = in.peek().line();
        Arguments arguments = arguments();
        return scope -> {
            Object function = object.value(scope);
            if (!(function instanceof Values.Function callable)) {
                throw Values.failure("line " + line + " calls " + (function instanceof Values.Undefined u ? u.what() : Values.kind(function)) + ", which is no function here");
            }
            try {
                return callable.call(arguments.places(scope), arguments.names(scope));
            } catch (IndexOutOfBoundsException | java.util.NoSuchElementException e) {
                throw Values.failure("line " + line + " calls a function with too few arguments");
            }
        };
    }

    /** An expression with the filters and tests that follow it. */
    Expression filtered(Expression start) {
        Expression value = start;
        while (true) {
            if (in.takeSymbol("|")) {
                value = filter(value);
            } else if (in.takeName("is")) {
                value = test(value);
            } else {
                return value;
            }
        }
    }

    /** What follows {@code |}: a filter with or without arguments. */
    Expression filter(Expression object) {
        int line = in.peek().line();
        String name = in.expectName();
        if (!Functions.FILTERS.containsKey(name)) {
            throw in.defect("the filter '" + name + "' is not known here");
        }
        Arguments arguments = in.seesSymbol("(") ? arguments() : Arguments.NONE;
        return scope -> apply(Functions.FILTERS.get(name), "filter '" + name + "'", line, object, arguments, scope);
    }

    private Expression test(Expression object) {
        int line = in.peek().line();
        boolean negated = in.takeName("not");
        String name = in.takeName("in") ? "in" : in.expectName();
        if (!Functions.TESTS.containsKey(name)) {
            throw in.defect("the test '" + name + "' is not known here");
        }
        Arguments arguments = Arguments.NONE;
        if (in.seesSymbol("(")) {
            arguments = arguments();
        } else if (beginsPrimary()) {
            arguments = new Arguments(List.of(operand()), Map.of());
        }
        Arguments given = arguments;
        return scope -> Values.truth(apply(Functions.TESTS.get(name), "test '" + name + "'", line, object, given, scope)) != negated;
    }

    private boolean beginsPrimary() {
        return switch (in.peek().kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !AFTER_TEST.contains(in.peek().text());
            default -> in.seesSymbol("[") || in.seesSymbol("{");
        };
    }

    private static Object apply(Functions.OnValue function, String what, int line, Expression object, Arguments arguments, Scope scope) {
        try {
            return function.apply(object.value(scope), arguments.places(scope), arguments.names(scope));
        } catch (IndexOutOfBoundsException | java.util.NoSuchElementException | ClassCastException | NumberFormatException e) {
            throw Values.failure("line " + line + " gives the " + what + " what it cannot take");
        }
    }
}
