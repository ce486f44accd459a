package dev.adapterferry.convert.tokenizer;

/** Kinds of tokens with their numbers in {@code tokenizer.ggml.token_type}. */
enum TokenType {
    NORMAL(1), UNKNOWN(2), CONTROL(3), USER_DEFINED(4), UNUSED(5), BYTE(6);

    private final int id;

    TokenType(int id) {
        this.id = id;
    }

    int id() {
        return id;
    }

    /**
     * True for a text that only a control token would have, whatever the tokenizer files call it: {@code <|...|>},
     * {@code <pad>}, {@code <unused7>}.
     */
    static boolean looksSpecial(String text) {
        return text.equals("<pad>") || text.equals("<mask>") || text.equals("<2mass>") || text.equals("[@BOS@]")
                || text.startsWith("<|") && text.endsWith("|>") || text.startsWith("<\uFF5C") && text.endsWith("\uFF5C>")
                || text.startsWith("<unused") && text.endsWith(">");
    }
}
