package dev.adapterferry.convert;

import java.text.Normalizer;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * Strings that tokenizers stumble over, from a seed: words of many languages, code, numbers, emoji, whitespace of all kinds,
 * contractions, marks that combine, special tokens between letters.
 */
final class VariedText {
    private static final List<String> WORDS = List.of("the", "ferry", "Carries", "ADAPTERS", "over", "iPhone", "JSONParser", "don't", "we'll", "they'Re", "I'M", "it'S", "naïve", "Straße", "über",
            "ÄRGER", "garçon", "œuvre", "mañana", "Łódź", "žluťoučký", "паром", "Переправа", "ёлка", "Україна", "γέφυρα", "Θάλασσα", "ΠΛΟΙΟ", "גשר", "שָׁלוֹם", "جسر", "سفينة", "पुल", "नमस्ते",
            "সেতু", "பாலம்", "สะพาน", "ភាសា", "渡船", "中文分词", "橋を渡る", "フェリー", "カタカナ", "ひらがな", "다리를", "한국어", "cầu", "Tiếng", "Việt", "İstanbul", "ğüşiöç", "ამხანაგი", "կամուրջ", "አማርኛ");
    private static final List<String> CODE = List.of("def carry(self, x):\n\treturn x * 2\n", "for (int i = 0; i < n; i++) {\r\n    sum += a[i];\r\n}", "SELECT * FROM runs WHERE id='42';", "#include <stdio.h>\n",
            "git commit -m \"fix\"", "https://example.org/a?b=c&d=%20#e", "C:\\Users\\ferry\\", "{\"key\": [1, 2.5, null, true]}", "<div class=\"x\">&nbsp;</div>", "x_1 = y**2 // 3", "\\frac{a}{b} $E=mc^2$", "// TODO(me): ...",
            "!= == => -> :: ?? && || <<= ~^", "0xDEADBEEF", "`rm -rf ./tmp`", "user@example.org");
    private static final List<String> EMOJI = List.of("🚀", "😶\u200D🌫️", "👩🏽\u200D💻", "🇩🇪🇯🇵", "✅", "🦙🦙", "❤️", "1️⃣", "👨\u200D👩\u200D👧\u200D👦", "☃", "♥", "⚓️");
    private static final List<String> BLANKS = List.of(" ", "  ", "   ", "        ", "\t", "\t\t", " \t ", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", " \n ", "  \n", "\n  ", "\u00A0", "\u3000", "\u2003", "\u200B", "\u2028");
    private static final List<String> MARKS = List.of(".", ",", "...", "!!!!", "?!", "''''", "\"\"", "—", "–", "…", "«»", "„“", "（）", "。", "、", "「」", "¿¡", "---===", "***", "%", "€", "£5", "§", "²", "½", "№", "™", "µ", "Ⅳ", "٣",
            "१२", "e\u0301", "a\u0308\u0323", "ﬁ", "Å", "ſ", "ǅ", "\u0301");
    private static final List<String> NUMBERS = List.of("0", "7", "42", "333", "1999", "12345", "1234567890", "3.14159", "1,000,000", "10%", "2026-11-28", "12:30:59", "-5e-10", "007", "1st", "２０２６", "4K", "x86_64");

    private final Random random;
    private final List<String> specials;
    private final UnaryOperator<String> filter;
    private final int most;

    /**
     * @param seed     equal seeds give equal strings
     * @param specials texts of special tokens to strew in
     */
    VariedText(long seed, List<String> specials) {
        this(seed, specials, text -> text, 12);
    }

    private VariedText(long seed, List<String> specials, UnaryOperator<String> filter, int most) {
        this.random = new Random(seed);
        this.specials = specials;
        this.filter = filter;
        this.most = most;
    }

    /** The same strings in composed form (NFC). */
    static VariedText composed(long seed, List<String> specials) {
        return changed(seed, specials, text -> Normalizer.normalize(text, Normalizer.Form.NFC));
    }

    /** The same strings, changed. */
    static VariedText changed(long seed, List<String> specials, UnaryOperator<String> change) {
        return new VariedText(seed, specials, change, 12);
    }

    /** Shorter strings, changed: for expressions that take llama.cpp milliseconds per word. */
    static VariedText brief(long seed, List<String> specials, UnaryOperator<String> change) {
        return new VariedText(seed, specials, change, 3);
    }

    /** The next string: some fragments, with and without blanks between them. */
    String next() {
        StringBuilder text = new StringBuilder();
        int fragments = 1 + random.nextInt(most);
        for (int i = 0; i < fragments; i++) {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3, 4 -> text.append(pick(WORDS)).append(' ');
                case 5, 6 -> text.append(pick(WORDS));
                case 7 -> text.append(pick(CODE));
                case 8 -> text.append(pick(EMOJI));
                case 9, 10 -> text.append(pick(BLANKS));
                case 11, 12 -> text.append(pick(MARKS));
                case 13 -> text.append(pick(NUMBERS));
                case 14 -> text.append(letters());
                default -> text.append(specials.isEmpty() ? pick(NUMBERS) : pick(specials));
            }
        }
        return filter.apply(text.toString());
    }

    /** Letters of one of the alphabets that have not changed for many years, in no order. */
    private String letters() {
        int[][] ranges = {{'!', '~'}, {0xC0, 0x17F}, {0x391, 0x3A1}, {0x410, 0x44F}, {0x5D0, 0x5EA}, {0x627, 0x63A}, {0x905, 0x939}, {0xE01, 0xE30}, {0x3041, 0x3096}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3},
            {0x1F600, 0x1F64F}, {0x2190, 0x21FF}, {0x2500, 0x257F}};
        int[] range = ranges[random.nextInt(ranges.length)];
        StringBuilder text = new StringBuilder();
        for (int n = 1 + random.nextInt(6); n > 0; n--) {
            text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
        }
        return text.toString();
    }

    private String pick(List<String> from) {
        return from.get(random.nextInt(from.size()));
    }
}
