package dev.adapterferry.chat;

import java.util.List;
import java.util.Map;

/** Writes JSON as Python's {@code json.dumps(value, ensure_ascii=False, indent=...)} does, which templates rely on. */
final class Json {
    private Json() { }

    static String write(Object value, Object indent) {
        StringBuilder out = new StringBuilder();
        write(value, indent == null ? null : " ".repeat((int) Values.integer(indent)), 0, out);
        return out.toString();
    }

    private static void write(Object value, String indent, int depth, StringBuilder out) {
        switch (value) {
            case null -> out.append("null");
            case String text -> quote(text, out);
            case Boolean flag -> out.append(flag);
            case Map<?, ?> map -> {
                int index = 0;
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    separate(index++ == 0 ? "{" : ",", indent, depth + 1, out);
                    quote(Values.text(entry.getKey()), out);
                    out.append(": ");
                    write(entry.getValue(), indent, depth + 1, out);
                }
                close(index, "{", "}", indent, depth, out);
            }
            case List<?> list -> {
                int index = 0;
                for (Object item : list) {
                    separate(index++ == 0 ? "[" : ",", indent, depth + 1, out);
                    write(item, indent, depth + 1, out);
                }
                close(index, "[", "]", indent, depth, out);
            }
            case Values.Undefined u -> throw Values.failure(u.what() + " is not given, so it cannot become JSON");
            default -> out.append(Values.shown(value));
        }
    }

    private static void separate(String mark, String indent, int depth, StringBuilder out) {
        out.append(mark);
        if (indent != null) {
            out.append('\n').append(indent.repeat(depth));
        } else if (mark.equals(",")) {
            out.append(' ');
        }
    }

    private static void close(int members, String open, String close, String indent, int depth, StringBuilder out) {
        if (members == 0) {
            out.append(open);
        } else if (indent != null) {
            out.append('\n').append(indent.repeat(depth));
        }
        out.append(close);
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> out.append(c < ' ' ? String.format("\\u%04x", (int) c) : Character.toString(c));
            }
        }
        out.append('"');
    }
}
