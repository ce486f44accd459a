package dev.adapterferry.chat;

import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Splits a template into text, the words inside its tags, and the tags' borders, white-space rules applied. */
final class Lexer {
    /** What a token is. */
    enum Kind { TEXT, BLOCK_BEGIN, BLOCK_END, PRINT_BEGIN, PRINT_END, NAME, STRING, INTEGER, FLOAT, SYMBOL, END }

    /**
     * One token.
     *
     * @param kind what it is
     * @param text its text; of a string, without quotes and escapes
     * @param line where it stands, counted from 1
     */
    record Token(Kind kind, String text, int line) {
        boolean is(Kind other, String value) {
            return kind == other && text.equals(value);
        }
    }

    private static final Set<String> LONG_SYMBOLS = Set.of("==", "!=", "<=", ">=", "//", "**");
    private static final String SYMBOLS = "+-*/%~|.,:()[]{}<>=";

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;

    private Lexer(String source) {
        // As Jinja does: one kind of line end, and one line end at the very end belongs to the file, not to the text.
        String plain = source.replace("\r\n", "\n").replace('\r', '\n');
        this.source = plain.endsWith("\n") ? plain.substring(0, plain.length() - 1) : plain;
    }

    static List<Token> tokens(String source) {
        Lexer lexer = new Lexer(source);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        boolean trimLeft = false;
        boolean trimLine = false;
        while (true) {
            int tag = nextTag();
            String text = source.substring(at, tag < 0 ? source.length() : tag);
            if (trimLeft) {
                text = text.stripLeading();
            } else if (trimLine && text.startsWith("\n")) {
                text = text.substring(1);
            }
            if (tag < 0) {
                add(Kind.TEXT, text, at);
                add(Kind.END, "", source.length());
                return;
            }
            char kind = source.charAt(tag + 1);
            char control = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            if (control == '-') {
                text = text.stripTrailing();
            } else if (control != '+' && kind != '{') {
                text = withoutIndent(text, tag);
            }
            add(Kind.TEXT, text, at);
            at = tag + 2 + (control == '-' || control == '+' ? 1 : 0);
            char end = kind == '#' ? comment() : kind == '%' ? block(tag) : inside(Kind.PRINT_BEGIN, Kind.PRINT_END, "}}", tag);
            trimLeft = end == '-';
            trimLine = end != '+' && kind != '{';
        }
    }

    /** Blanks between the line's beginning and a block tag are indentation of the template, not text. */
    private String withoutIndent(String text, int tag) {
        int end = text.length();
        while (end > 0 && (text.charAt(end - 1) == ' ' || text.charAt(end - 1) == '\t')) {
            end--;
        }
        int lineStart = tag - (text.length() - end);
        boolean atLineStart = lineStart == 0 || source.charAt(lineStart - 1) == '\n';
        return atLineStart ? text.substring(0, end) : text;
    }

    private int nextTag() {
        for (int i = at; i + 1 < source.length(); i++) {
            if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private char comment() {
        int end = source.indexOf("#}", at);
        if (end < 0) {
            throw defect(at, "a comment does not end");
        }
        char control = end > at ? source.charAt(end - 1) : ' ';
        at = end + 2;
        return control;
    }

    private char block(int tag) {
        int before = tokens.size();
        char end = inside(Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}", tag);
        if (tokens.get(before + 1).is(Kind.NAME, "raw")) {
            while (tokens.size() > before) {
                tokens.removeLast();
            }
            return raw(end);
        }
        return end;
    }

    private char raw(char openingControl) {
        java.util.regex.Matcher close = java.util.regex.Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}").matcher(source);
        if (!close.find(at)) {
            throw defect(at, "a raw block does not end");
        }
        String text = source.substring(at, close.start());
        text = openingControl == '-' ? text.stripLeading() : text;
        text = close.group(1).equals("-") ? text.stripTrailing() : close.group(1).isEmpty() ? withoutIndent(text, close.start()) : text;
        add(Kind.TEXT, text, at);
        at = close.end();
        return close.group(2).isEmpty() ? ' ' : close.group(2).charAt(0);
    }

    /** The words of a tag; returns the white-space control before its end. */
    private char inside(Kind begin, Kind end, String closing, int tag) {
        add(begin, "", tag);
        int depth = 0;
        while (true) {
            skipBlanks();
            if (at >= source.length()) {
                throw defect(tag, "a tag does not end");
            }
            char c = source.charAt(at);
            boolean control = (c == '-' || c == '+') && source.startsWith(closing, at + 1);
            if (depth == 0 && (control || source.startsWith(closing, at))) {
                add(end, "", at);
                at += closing.length() + (control ? 1 : 0);
                return control ? c : ' ';
            }
            depth = Math.max(0, depth + ("([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0));
            word(c);
        }
    }

    private void word(char c) {
        int start = at;
        if (c == '\'' || c == '"') {
            string(c);
        } else if (Character.isDigit(c)) {
            number();
        } else if (Character.isJavaIdentifierStart(c)) {
            while (at < source.length() && Character.isJavaIdentifierPart(source.charAt(at))) {
                at++;
            }
            add(Kind.NAME, source.substring(start, at), start);
        } else if (start + 2 <= source.length() && LONG_SYMBOLS.contains(source.substring(start, start + 2))) {
            at += 2;
            add(Kind.SYMBOL, source.substring(start, at), start);
        } else if (SYMBOLS.indexOf(c) >= 0) {
            at++;
            add(Kind.SYMBOL, String.valueOf(c), start);
        } else {
            throw defect(at, "unexpected character '" + c + "'");
        }
    }

    private void number() {
        int start = at;
        boolean decimal = false;
        while (at < source.length()) {
            char c = source.charAt(at);
            boolean point = c == '.' && !decimal && at + 1 < source.length() && Character.isDigit(source.charAt(at + 1));
            boolean exponent = (c == 'e' || c == 'E') && at + 1 < source.length() && (Character.isDigit(source.charAt(at + 1)) || source.charAt(at + 1) == '-');
            if (!Character.isDigit(c) && !point && !exponent && c != '_') {
                break;
            }
            decimal |= point || exponent;
            at += exponent ? 2 : 1;
        }
        add(decimal ? Kind.FLOAT : Kind.INTEGER, source.substring(start, at).replace("_", ""), start);
    }

    private void string(char quote) {
        int start = at++;
        StringBuilder text = new StringBuilder();
        while (at < source.length() && source.charAt(at) != quote) {
            char c = source.charAt(at++);
            text.append(c == '\\' && at < source.length() ? escape() : Character.toString(c));
        }
        if (at >= source.length()) {
            throw defect(start, "a string does not end");
        }
        at++;
        add(Kind.STRING, text.toString(), start);
    }

    private String escape() {
        char c = source.charAt(at++);
        return switch (c) {
            case 'n' -> "\n";
            case 't' -> "\t";
            case 'r' -> "\r";
            case 'b' -> "\b";
            case 'f' -> "\f";
            case '0' -> "\0";
            case '\\', '\'', '"' -> Character.toString(c);
            case '\n' -> "";
            case 'x' -> unicode(2);
            case 'u' -> unicode(4);
            case 'U' -> unicode(8);
            default -> "\\" + c;
        };
    }

    private String unicode(int digits) {
        try {
            int code = Integer.parseInt(source.substring(at, at + digits), 16);
            at += digits;
            return Character.toString(code);
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw defect(at, "a broken character escape");
        }
    }

    private void skipBlanks() {
        while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
            at++;
        }
    }

    private void add(Kind kind, String text, int position) {
        if (kind != Kind.TEXT || !text.isEmpty()) {
            tokens.add(new Token(kind, text, line(position)));
        }
    }

    private int line(int position) {
        int line = 1;
        for (int i = 0; i < Math.min(position, source.length()); i++) {
            line += source.charAt(i) == '\n' ? 1 : 0;
        }
        return line;
    }

    private FerryException defect(int position, String what) {
        return new FerryException("Cannot read the chat template, line " + line(position) + ": " + what + ".");
    }
}
