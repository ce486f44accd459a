package dev.adapterferry.convert;

import dev.adapterferry.convert.tokenizer.CharacterRules;
import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * SentencePiece's compiled normalization ({@code precompiled_charsmap}) with rules like those of {@code nmt_nfkc}, which T5 and XLM-RoBERTa bring: compatible forms
 * become the usual ones, marks are put together with their letters, blanks of all kinds become one kind, and control characters nothing.
 */
final class CompiledCharacters {
    private final Map<String, String> rules = new LinkedHashMap<>();

    private CompiledCharacters() { }

    /** Rules over the plane of living languages and that of emoji. */
    static CompiledCharacters nmtNfkc() {
        CompiledCharacters made = new CompiledCharacters();
        for (int c = 0x80; c < 0x20000; c++) {
            if (Character.isDefined(c) && !Character.isSurrogate((char) c) && c != 0xFF5E) {
                made.rule(Character.toString(c), Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKC));
                made.rule(Normalizer.normalize(Character.toString(c), Normalizer.Form.NFD), Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKC));
            }
        }
        for (int[] range : new int[][] {{1, 8}, {0xB, 0xB}, {0xE, 0x1F}, {0x7F, 0x7F}, {0x8F, 0x8F}, {0x9F, 0x9F}}) {
            made.all(range, "");
        }
        for (int[] range : new int[][] {{9, 0xA}, {0xC, 0xD}, {0x1680, 0x1680}, {0x200B, 0x200F}, {0x2028, 0x2029}, {0x2581, 0x2581}, {0xFEFF, 0xFEFF}, {0xFFFD, 0xFFFD}}) {
            made.all(range, " ");
        }
        return made;
    }

    private void all(int[] range, String to) {
        for (int c = range[0]; c <= range[1]; c++) {
            rules.put(Character.toString(c), to);
        }
    }

    private void rule(String from, String to) {
        if (!from.equals(to)) {
            rules.put(from, to);
        }
    }

    /** A text after the rules, the longest left side first each time. */
    String apply(String text) {
        StringBuilder out = new StringBuilder();
        for (int at = 0; at < text.length();) {
            int end = Math.min(text.length(), at + 8);
            while (end > at && !rules.containsKey(text.substring(at, end))) {
                end--;
            }
            int next = end > at ? end : at + Character.charCount(text.codePointAt(at));
            out.append(end > at ? rules.get(text.substring(at, end)) : text.substring(at, next));
            at = next;
        }
        return out.toString();
    }

    /** The bytes. */
    byte[] bytes() {
        return CharacterRules.compile(rules);
    }
}
