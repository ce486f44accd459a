package dev.adapterferry.convert.tokenizer;

/**
 * GPT-2's spelling of bytes by printable letters, in which GGUF and tokenizer.json write byte-level tokens: printable bytes of ISO 8859-1 stand for themselves,
 * the others for U+0100 and onwards, in order.
 */
final class ByteLetters {
    private static final char[] LETTERS = new char[256];

    static {
        char next = 256;
        for (char b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            LETTERS[b] = printable ? b : next++;
        }
    }

    private ByteLetters() { }

    /**
     * Spells bytes.
     *
     * @param bytes as a text of ISO 8859-1
     */
    static String spell(String bytes) {
        char[] letters = bytes.toCharArray();
        for (int i = 0; i < letters.length; i++) {
            letters[i] = LETTERS[letters[i]];
        }
        return new String(letters);
    }
}
