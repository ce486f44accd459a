package dev.adapterferry.convert.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Texts and bytes as Python writes them: {@code 'a\n'}, {@code "it's"}, {@code b'\xe4\xb8'}. */
final class PythonLiteral {
    private static final String ESCAPES = "\\'\"nrtabfv0";
    private static final String MEANINGS = "\\'\"\n\r\t\u0007\b\f\u000B\0";

    private PythonLiteral() { }

    /**
     * The bytes that a literal stands for; of a text, those of UTF-8.
     *
     * @throws IllegalArgumentException when it is none
     */
    static byte[] bytes(String literal) {
        boolean raw = literal.startsWith("b");
        String quoted = raw ? literal.substring(1) : literal;
        if (quoted.length() < 2 || "'\"".indexOf(quoted.charAt(0)) < 0 || quoted.charAt(quoted.length() - 1) != quoted.charAt(0)) {
            throw new IllegalArgumentException("no quotes around the token");
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int end = quoted.length() - 1;
        for (int at = 1; at < end; at += Character.charCount(quoted.codePointAt(at))) {
            int point = quoted.codePointAt(at);
            boolean escaped = point == '\\';
            if (escaped) {
                char kind = quoted.charAt(++at);
                int digits = switch (kind) {
                    case 'x' -> 2;
                    case 'u' -> 4;
                    case 'U' -> 8;
                    default -> 0;
                };
                int known = ESCAPES.indexOf(kind);
                if (at >= end || digits == 0 && known < 0 || at + digits >= end) {
                    throw new IllegalArgumentException("unknown escape \\" + kind);
                }
                point = digits == 0 ? MEANINGS.charAt(known) : Integer.parseInt(quoted.substring(at + 1, at + 1 + digits), 16);
                at += digits;
            }
            if (raw) {
                bytes.write(point);
            } else {
                bytes.writeBytes(Character.toString(point).getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toByteArray();
    }

    /** The bytes without quotes, all but visible ASCII escaped, as GGUF's {@code rwkv} vocabularies have them. */
    static String escaped(byte[] bytes) {
        String latin = new String(bytes, StandardCharsets.ISO_8859_1);
        // Python takes double quotes where only single ones occur, and then escapes neither.
        boolean quotes = latin.indexOf('\'') >= 0 && latin.indexOf('"') >= 0;
        StringBuilder text = new StringBuilder();
        for (char c : latin.toCharArray()) {
            switch (c) {
                case '\\' -> text.append("\\\\");
                case '\t' -> text.append("\\t");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\'' -> text.append(quotes ? "\\'" : "'");
                default -> text.append(c < ' ' || c > '~' ? String.format("\\x%02x", (int) c) : String.valueOf(c));
            }
        }
        return text.toString();
    }
}
