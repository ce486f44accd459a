package dev.adapterferry.chat;

import dev.adapterferry.chat.Lexer.Kind;
import dev.adapterferry.chat.Lexer.Token;
import dev.adapterferry.failure.FerryException;
import java.util.List;

/** Walks over the tokens of a template. */
final class TokenReader {
    private final List<Token> tokens;
    private int at;

    TokenReader(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(at);
    }

    Token peek(int ahead) {
        return tokens.get(Math.min(at + ahead, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean sees(Kind kind) {
        return peek().kind() == kind;
    }

    boolean seesSymbol(String text) {
        return peek().is(Kind.SYMBOL, text);
    }

    boolean seesName(String text) {
        return peek().is(Kind.NAME, text);
    }

    boolean takeSymbol(String text) {
        boolean found = seesSymbol(text);
        if (found) {
            next();
        }
        return found;
    }

    boolean takeName(String text) {
        boolean found = seesName(text);
        if (found) {
            next();
        }
        return found;
    }

    String expectName() {
        return expect(Kind.NAME, "a name").text();
    }

    void expectSymbol(String text) {
        if (!takeSymbol(text)) {
            throw defect("'" + text + "' was expected, found " + found());
        }
    }

    void expectName(String text) {
        if (!takeName(text)) {
            throw defect("'" + text + "' was expected, found " + found());
        }
    }

    Token expect(Kind kind, String what) {
        if (!sees(kind)) {
            throw defect(what + " was expected, found " + found());
        }
        return next();
    }

    FerryException defect(String what) {
        return new FerryException("Cannot read the chat template, line " + peek().line() + ": " + what + ".");
    }

    private String found() {
        return switch (peek().kind()) {
            case END -> "its end";
            case BLOCK_END, PRINT_END -> "the end of the tag";
            case TEXT -> "text";
            default -> "'" + peek().text() + "'";
        };
    }
}
