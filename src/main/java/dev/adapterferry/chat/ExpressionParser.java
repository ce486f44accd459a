package dev.adapterferry.chat;

import dev.adapterferry.chat.Lexer.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compiles expressions, with Jinja's precedence: ternary, or, and, not, comparison, sum, {@code ~}, product, power, sign, filter. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");
    private static final Set<String> AFTER_TEST = Set.of("else", "or", "and", "is", "not", "if", "in");

    private final TokenReader in;

    ExpressionParser(TokenReader in) {
        this.in = in;
    }

    /** {@code a if condition else b}, or less. */
    Expression expression() {
        Expression value = or();
        while (in.takeName("if")) {
            Expression condition = or();
            Expression yes = value;
            Expression no = in.takeName("else") ? expression() : scope -> new Values.Undefined("the missing else");
            value = scope -> Values.truth(condition.value(scope)) ? yes.value(scope) : no.value(scope);
        }
        return value;
    }

    /** {@code a, b}: a list when there is a comma. */
    Expression tuple() {
        Expression first = expression();
        if (!in.seesSymbol(",")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (in.takeSymbol(",") && !in.sees(Kind.BLOCK_END) && !in.sees(Kind.PRINT_END) && !in.seesSymbol(")")) {
            parts.add(expression());
        }
        return listOf(parts);
    }

    /** Without a ternary, so that the {@code if} of a loop stays the loop's. */
    Expression or() {
        Expression left = and();
        while (in.takeName("or")) {
            Expression first = left;
            Expression second = and();
            left = scope -> {
                Object value = first.value(scope);
                return Values.truth(value) ? value : second.value(scope);
            };
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (in.takeName("and")) {
            Expression first = left;
            Expression second = not();
            left = scope -> {
                Object value = first.value(scope);
                return Values.truth(value) ? second.value(scope) : value;
            };
        }
        return left;
    }

    private Expression not() {
        if (in.takeName("not")) {
            Expression inner = not();
            return scope -> !Values.truth(inner.value(scope));
        }
        return comparison();
    }

    /** {@code a < b < c} holds when both hold, as in Python. */
    private Expression comparison() {
        Expression left = sum();
        Expression all = null;
        while (true) {
            String operator = null;
            if (in.sees(Kind.SYMBOL) && COMPARISONS.contains(in.peek().text())) {
                operator = in.next().text();
            } else if (in.takeName("in")) {
                operator = "in";
            } else if (in.seesName("not") && in.peek(1).is(Kind.NAME, "in")) {
                in.next();
                in.next();
                operator = "not in";
            }
            if (operator == null) {
                return all == null ? left : all;
            }
            Expression a = left;
            Expression b = sum();
            String how = operator;
            Expression one = scope -> compare(how, a.value(scope), b.value(scope));
            Expression before = all;
            all = before == null ? one : scope -> Values.truth(before.value(scope)) ? one.value(scope) : (Object) false;
            left = b;
        }
    }

    private static boolean compare(String operator, Object a, Object b) {
        return switch (operator) {
            case "==" -> Values.equal(a, b);
            case "!=" -> !Values.equal(a, b);
            case "<" -> Values.compare(a, b) < 0;
            case ">" -> Values.compare(a, b) > 0;
            case "<=" -> Values.compare(a, b) <= 0;
            case ">=" -> Values.compare(a, b) >= 0;
            case "in" -> Values.contains(b, a);
            default -> !Values.contains(b, a);
        };
    }

    private Expression sum() {
        Expression left = joined();
        while (in.seesSymbol("+") || in.seesSymbol("-")) {
            left = operation(in.next().text(), left, joined());
        }
        return left;
    }

    private Expression joined() {
        Expression left = product();
        while (in.takeSymbol("~")) {
            Expression a = left;
            Expression b = product();
            left = scope -> Values.text(a.value(scope)) + Values.text(b.value(scope));
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (in.seesSymbol("*") || in.seesSymbol("/") || in.seesSymbol("//") || in.seesSymbol("%")) {
            left = operation(in.next().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = signed(true);
        while (in.takeSymbol("**")) {
            left = operation("**", left, signed(true));
        }
        return left;
    }

    private static Expression operation(String operator, Expression a, Expression b) {
        return scope -> Values.arithmetic(operator, a.value(scope), b.value(scope));
    }

    private Expression signed(boolean filters) {
        Expression value;
        if (in.takeSymbol("-")) {
            Expression inner = signed(false);
            value = scope -> Values.arithmetic("-", 0L, inner.value(scope));
        } else if (in.takeSymbol("+")) {
            value = signed(false);
        } else {
            value = postfix(primary());
        }
        return filters ? filtered(value) : value;
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
            Expression inner = tuple();
            in.expectSymbol(")");
            return inner;
        }
        if (in.takeSymbol("[")) {
            List<Expression> parts = new ArrayList<>();
            while (!in.takeSymbol("]")) {
                parts.add(expression());
                if (!in.seesSymbol("]")) {
                    in.expectSymbol(",");
                }
            }
            return listOf(parts);
        }
        if (in.takeSymbol("{")) {
            Map<Expression, Expression> entries = new LinkedHashMap<>();
            while (!in.takeSymbol("}")) {
                Expression key = expression();
                in.expectSymbol(":");
                entries.put(key, expression());
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

    private static Expression listOf(List<Expression> parts) {
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
        Expression from = in.seesSymbol(":") ? null : expression();
        if (in.takeSymbol("]")) {
            return scope -> Values.member(object.value(scope), from.value(scope));
        }
        in.expectSymbol(":");
        Expression to = in.seesSymbol(":") || in.seesSymbol("]") ? null : expression();
        Expression step = in.takeSymbol(":") && !in.seesSymbol("]") ? expression() : null;
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
                arguments.named().put(name, expression());
            } else {
                arguments.positional().add(expression());
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

    private Expression filtered(Expression start) {
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
            arguments = new Arguments(List.of(postfix(primary())), Map.of());
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
