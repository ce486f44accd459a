package dev.adapterferry.chat;

import dev.adapterferry.chat.Lexer.Kind;
import dev.adapterferry.chat.Lexer.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Compiles text, prints and blocks: if, for, set, macro, with, filter, generation, break, continue. */
final class StatementParser {
    private final TokenReader in;
    private final ExpressionParser expressions;

    StatementParser(List<Token> tokens) {
        this.in = new TokenReader(tokens);
        this.expressions = new ExpressionParser(in);
    }

    Statement program() {
        Statement all = body();
        if (!in.sees(Kind.END)) {
            throw in.defect("'" + in.peek(1).text() + "' ends nothing");
        }
        return all;
    }

    /** Statements up to the tag that ends them, or to the template's end; the tag is left for the caller. */
    private Statement body() {
        List<Statement> parts = new ArrayList<>();
        while (!in.sees(Kind.END)) {
            if (in.sees(Kind.TEXT)) {
                String text = in.next().text();
                parts.add((scope, out) -> out.append(text));
            } else if (in.sees(Kind.PRINT_BEGIN)) {
                in.next();
                Expression value = expressions.tuple();
                in.expect(Kind.PRINT_END, "'}}'");
                parts.add((scope, out) -> out.append(Values.text(value.value(scope))));
            } else {
                String tag = in.peek(1).text();
                if (tag.startsWith("end") || tag.equals("else") || tag.equals("elif")) {
                    break;
                }
                in.next();
                parts.add(block());
            }
        }
        return (scope, out) -> parts.forEach(part -> part.run(scope, out));
    }

    private Statement block() {
        String tag = in.expectName();
        return switch (tag) {
            case "if" -> conditional();
            case "for" -> loop();
            case "set" -> assignment();
            case "macro" -> macro();
            case "with" -> with();
            case "filter" -> filter();
            case "generation" -> {
                endOfTag();
                Statement body = body();
                end("endgeneration");
                yield body;
            }
            case "do" -> {
                Expression value = expressions.tuple();
                endOfTag();
                yield (scope, out) -> value.value(scope);
            }
            case "break" -> {
                endOfTag();
                yield (scope, out) -> {
                    throw Statement.LoopControl.BREAK;
                };
            }
            case "continue" -> {
                endOfTag();
                yield (scope, out) -> {
                    throw Statement.LoopControl.CONTINUE;
                };
            }
            default -> throw in.defect("the tag '" + tag + "' is not known here");
        };
    }

    private void endOfTag() {
        in.expect(Kind.BLOCK_END, "'%}'");
    }

    private void end(String tag) {
        in.expect(Kind.BLOCK_BEGIN, "'{% " + tag + " %}'");
        in.expectName(tag);
        endOfTag();
    }

    private Statement conditional() {
        Expression condition = expressions.expression();
        endOfTag();
        Statement yes = body();
        in.expect(Kind.BLOCK_BEGIN, "'{% endif %}'");
        Statement no;
        if (in.takeName("elif")) {
            no = conditional();
        } else if (in.takeName("else")) {
            endOfTag();
            no = body();
            end("endif");
        } else {
            in.expectName("endif");
            endOfTag();
            no = (scope, out) -> { };
        }
        return (scope, out) -> (Values.truth(condition.value(scope)) ? yes : no).run(scope, out);
    }

    private Statement loop() {
        List<String> names = targets();
        in.expectName("in");
        Expression items = expressions.or();
        Expression condition = in.takeName("if") ? expressions.expression() : scope -> true;
        endOfTag();
        Statement body = body();
        in.expect(Kind.BLOCK_BEGIN, "'{% endfor %}'");
        Statement otherwise = (scope, out) -> { };
        if (in.takeName("else")) {
            endOfTag();
            otherwise = body();
            in.expect(Kind.BLOCK_BEGIN, "'{% endfor %}'");
        }
        in.expectName("endfor");
        endOfTag();
        Statement empty = otherwise;
        return (scope, out) -> {
            List<Object> chosen = new ArrayList<>();
            for (Object item : Values.items(items.value(scope))) {
                Scope own = new Scope(scope);
                bind(own, names, item);
                if (Values.truth(condition.value(own))) {
                    chosen.add(item);
                }
            }
            if (chosen.isEmpty()) {
                empty.run(scope, out);
            } else {
                rounds(scope, out, names, chosen, body);
            }
        };
    }

    private static void rounds(Scope scope, StringBuilder out, List<String> names, List<Object> items, Statement body) {
        for (int i = 0; i < items.size(); i++) {
            Scope own = new Scope(scope);
            own.set("loop", loopVariable(items, i));
            bind(own, names, items.get(i));
            try {
                body.run(own, out);
            } catch (Statement.LoopControl control) {
                if (control == Statement.LoopControl.BREAK) {
                    return;
                }
            }
        }
    }

    private static Map<String, Object> loopVariable(List<Object> items, int i) {
        Map<String, Object> loop = new LinkedHashMap<>();
        loop.put("index", i + 1L);
        loop.put("index0", (long) i);
        loop.put("revindex", (long) items.size() - i);
        loop.put("revindex0", items.size() - i - 1L);
        loop.put("first", i == 0);
        loop.put("last", i == items.size() - 1);
        loop.put("length", (long) items.size());
        loop.put("previtem", i == 0 ? new Values.Undefined("the item before the first") : items.get(i - 1));
        loop.put("nextitem", i == items.size() - 1 ? new Values.Undefined("the item after the last") : items.get(i + 1));
        loop.put("cycle", (Values.Function) (positional, named) -> positional.get(i % positional.size()));
        return loop;
    }

    private List<String> targets() {
        boolean inBrackets = in.takeSymbol("(");
        List<String> names = new ArrayList<>(List.of(in.expectName()));
        while (in.takeSymbol(",")) {
            names.add(in.expectName());
        }
        if (inBrackets) {
            in.expectSymbol(")");
        }
        return names;
    }

    private static void bind(Scope scope, List<String> names, Object value) {
        if (names.size() == 1) {
            scope.set(names.getFirst(), value);
            return;
        }
        List<Object> parts = Values.items(value);
        if (parts.size() != names.size()) {
            throw Values.failure(parts.size() + " values cannot go into the " + names.size() + " names " + String.join(", ", names));
        }
        for (int i = 0; i < parts.size(); i++) {
            scope.set(names.get(i), parts.get(i));
        }
    }

    private Statement assignment() {
        List<String> names = targets();
        String member = names.size() == 1 && in.takeSymbol(".") ? in.expectName() : null;
        if (in.takeSymbol("=")) {
            Expression value = expressions.tuple();
            endOfTag();
            return (scope, out) -> assign(scope, names, member, value.value(scope));
        }
        Expression[] body = new Expression[1];
        Expression filtered = scope -> body[0].value(scope);
        while (in.takeSymbol("|")) {
            filtered = expressions.filter(filtered);
        }
        endOfTag();
        Statement inner = body();
        end("endset");
        body[0] = scope -> written(inner, new Scope(scope));
        Expression value = filtered;
        return (scope, out) -> assign(scope, names, member, value.value(scope));
    }

    private static void assign(Scope scope, List<String> names, String member, Object value) {
        if (member == null) {
            bind(scope, names, value);
        } else if (scope.get(names.getFirst()) instanceof Values.Namespace namespace) {
            namespace.put(member, value);
        } else {
            throw Values.failure("only members of a namespace can be set, and '" + names.getFirst() + "' is none");
        }
    }

    private static String written(Statement body, Scope scope) {
        StringBuilder own = new StringBuilder();
        body.run(scope, own);
        return own.toString();
    }

    private Statement macro() {
        String name = in.expectName();
        Map<String, Expression> parameters = new LinkedHashMap<>();
        in.expectSymbol("(");
        while (!in.takeSymbol(")")) {
            String parameter = in.expectName();
            parameters.put(parameter, in.takeSymbol("=") ? expressions.expression() : scope -> new Values.Undefined("'" + parameter + "'"));
            if (!in.seesSymbol(")")) {
                in.expectSymbol(",");
            }
        }
        endOfTag();
        Statement body = body();
        end("endmacro");
        return (scope, out) -> scope.set(name, (Values.Function) (positional, named) -> {
            Scope own = new Scope(scope);
            int place = 0;
            for (Map.Entry<String, Expression> parameter : parameters.entrySet()) {
                Object value = place < positional.size() ? positional.get(place)
                        : named.containsKey(parameter.getKey()) ? named.get(parameter.getKey()) : parameter.getValue().value(own);
                own.set(parameter.getKey(), value);
                place++;
            }
            return written(body, own);
        });
    }

    private Statement with() {
        Map<String, Expression> values = new LinkedHashMap<>();
        while (!in.sees(Kind.BLOCK_END)) {
            String name = in.expectName();
            in.expectSymbol("=");
            values.put(name, expressions.expression());
            in.takeSymbol(",");
        }
        endOfTag();
        Statement body = body();
        end("endwith");
        return (scope, out) -> {
            Scope own = new Scope(scope);
            values.forEach((name, value) -> own.set(name, value.value(scope)));
            body.run(own, out);
        };
    }

    private Statement filter() {
        Expression[] body = new Expression[1];
        Expression value = expressions.filter(scope -> body[0].value(scope));
        while (in.takeSymbol("|")) {
            value = expressions.filter(value);
        }
        endOfTag();
        Statement inner = body();
        end("endfilter");
        body[0] = scope -> written(inner, new Scope(scope));
        Expression filtered = value;
        return (scope, out) -> out.append(Values.text(filtered.value(scope)));
    }
}
