package dev.adapterferry.probe;

import java.lang.Character.UnicodeScript;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Signs of a broken model that need no knowledge of the language: an answer that goes round in circles, leaks control
 * tokens or raw byte-level tokens, or mixes writing systems inside its words. Each was chosen because a healthy
 * answer practically never shows it; none judges whether the answer is right.
 */
final class Sanity {
    private static final Pattern CONTROL_TOKEN = Pattern.compile("<\\|[a-z_0-9]{2,40}\\|>|</?s>|\\[/?INST]|<0x[0-9A-F]{2}>|<unk>|\\[UNK_BYTE_[^]]*]");
    // Spelling of space and newline inside byte-level and SentencePiece vocabularies.
    private static final Pattern RAW_TOKEN = Pattern.compile("[ĠĊ\u2581]");
    private static final Pattern CHARACTER_RUN = Pattern.compile("([^\\s=\\-_*#.~])\\1{19,}");
    private static final int MIXED = 3;
    /** Written side by side without a blank in Chinese, Japanese and Korean, and next to Latin words there. */
    private static final Set<UnicodeScript> UNSPACED = EnumSet.of(UnicodeScript.HAN, UnicodeScript.HIRAGANA, UnicodeScript.KATAKANA, UnicodeScript.HANGUL, UnicodeScript.BOPOMOFO,
            UnicodeScript.THAI, UnicodeScript.LAO, UnicodeScript.KHMER, UnicodeScript.MYANMAR);

    private Sanity() { }

    /** What looks broken in an answer; empty when nothing does. */
    static List<String> complaints(String text) {
        List<String> complaints = new ArrayList<>();
        Matcher token = CONTROL_TOKEN.matcher(text);
        if (token.find()) {
            complaints.add("the answer shows the control token " + token.group() + ": wrong chat template or stop token");
        }
        long raw = RAW_TOKEN.matcher(text).results().count();
        if (raw >= 3) {
            complaints.add("the answer shows " + raw + " raw vocabulary marks such as 'Ġ': the tokenizer is garbled");
        }
        long broken = text.codePoints().filter(c -> c == 0xFFFD || Character.getType(c) == Character.CONTROL && !Character.isWhitespace(c)).count();
        if (broken >= 3 && broken * 20 > text.length()) {
            complaints.add(broken + " of " + text.length() + " characters are undecodable: the tokenizer is garbled");
        }
        int mixed = mixedInsideWords(text);
        if (mixed >= MIXED) {
            complaints.add("the answer changes the writing system " + mixed + " times inside words: the tokenizer or the weights are garbled");
        }
        repetition(text).ifPresent(complaints::add);
        return complaints;
    }

    /** How often two letters that follow each other belong to scripts that no word mixes. A list of translations mixes none: each word is of one script. */
    private static int mixedInsideWords(String text) {
        int mixed = 0;
        UnicodeScript before = null;
        for (int c : text.codePoints().toArray()) {
            UnicodeScript script = UnicodeScript.of(c);
            if (!Character.isLetter(c)) {
                // Accents and the like belong to the letter before them.
                before = script == UnicodeScript.INHERITED ? before : null;
            } else if (script != UnicodeScript.COMMON && script != UnicodeScript.INHERITED) {
                mixed += before != null && script != before && !UNSPACED.contains(script) && !UNSPACED.contains(before) ? 1 : 0;
                before = script;
            }
        }
        return mixed;
    }

    private static Optional<String> repetition(String text) {
        Matcher run = CHARACTER_RUN.matcher(text);
        if (run.find()) {
            return Optional.of("the answer repeats '" + run.group(1) + "' " + run.group().length() + " times");
        }
        String[] words = text.strip().toLowerCase(java.util.Locale.ROOT).split("\\s+");
        for (int length = 1; length <= 12; length++) {
            int repeats = longestLoop(words, length);
            // A loop is a loop when it holds at least 16 words and makes up half of the answer.
            if (repeats > 3 && repeats * length >= 16 && repeats * length * 2 >= words.length) {
                return Optional.of("the answer goes round in circles: " + repeats + " times the same " + (length == 1 ? "word" : length + " words"));
            }
        }
        return mostFrequentShare(text);
    }

    /** Most times that one block of {@code length} words follows itself. */
    private static int longestLoop(String[] words, int length) {
        int best = 1;
        int same = 0;
        for (int i = length; i < words.length; i++) {
            same = words[i].equals(words[i - length]) ? same + 1 : 0;
            best = Math.max(best, same / length + 1);
        }
        return best;
    }

    /** Loops without spaces (Chinese, or a token stuck to itself): one run of eight characters covers most of the text. */
    private static Optional<String> mostFrequentShare(String text) {
        final int window = 8;
        if (text.length() < 20 * window) {
            return Optional.empty();
        }
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i + window <= text.length(); i++) {
            counts.merge(text.substring(i, i + window), 1, Integer::sum);
        }
        // In natural text nearly every window of eight characters is new.
        double distinct = counts.size() / (double) (text.length() - window + 1);
        return distinct < 0.2 ? Optional.of("the answer goes round in circles: only " + Math.round(distinct * 100) + " % of its passages are new") : Optional.empty();
    }
}
