package dev.adapterferry.chat;

import dev.adapterferry.chat.Lexer.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Compiles expressions, with Jinja's precedence: ternary, or, and, not, comparison, sum, {@code ~}, product, power, sign. What they join are operands: {@link OperandParser}. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");

    private final TokenReader in;
    private final OperandParser operands;

    ExpressionParser(TokenReader in) {
        this.in = in;
        this.operands = new OperandParser(in, this);
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
        return OperandParser.listOf(parts);
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
            value = operands.operand();
        }
        return filters ? operands.filtered(value) : value;
    }

    /** What follows {@code |}: a filter with or without arguments. */
    Expression filter(Expression object) {
        return operands.filter(object);
    }
}
