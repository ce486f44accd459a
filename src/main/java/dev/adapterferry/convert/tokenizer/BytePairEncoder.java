package dev.adapterferry.convert.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Encodes a text with a byte-level BPE tokenizer as its tokenizer.json defines it: normalizer, pre-tokenizer, merges. Added tokens are not looked for, and none is put around the text.
 *
 * <p>It runs a definition that this program does not know, so it is careful: where a step is beyond it there is no result.
 */
final class BytePairEncoder {
    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final String PUNCTUATION = "[\\p{P}$+<=>^`|~]";

    private final TokenizerJson json;
    private final Map<String, Integer> vocabulary;
    private final Map<Merges.Merge, Integer> ranks = new HashMap<>();

    /**
     * An encoder.
     *
     * @param merges in order of ranks
     */
    BytePairEncoder(TokenizerJson json, List<Merges.Merge> merges) {
        this.json = json;
        this.vocabulary = json.vocabulary();
        merges.forEach(merge -> ranks.putIfAbsent(merge, ranks.size()));
    }

    /** The ids of a text; empty when the definition has a step that cannot be run here, or no token for a letter. */
    Optional<List<Integer>> encode(String text) {
        List<String> steps = PreTokenizers.steps(json.preTokenizer());
        boolean composes = json.normalizer().path("type").asText().equals("NFC");
        boolean unchanged = json.normalizer().isMissingNode() || json.normalizer().isNull();
        boolean spelledOnce = steps.stream().filter(BytePairEncoder::spells).count() == 1;
        if (!composes && !unchanged || !spelledOnce || prependsBlank()) {
            return Optional.empty();
        }
        List<String> pieces = List.of(composes ? Normalizer.normalize(text, Normalizer.Form.NFC) : text);
        List<Integer> ids = new ArrayList<>();
        try {
            for (String step : steps) {
                Optional<Pattern> cut = expression(step);
                if (cut.isPresent()) {
                    pieces = pieces.stream().flatMap(piece -> cut(piece, cut.get()).stream()).toList();
                }
                if (spells(step)) {
                    // What comes behind cuts the letters for the bytes.
                    pieces = pieces.stream().map(piece -> ByteLetters.spell(new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1))).toList();
                }
            }
            for (String letters : pieces) {
                merged(letters).forEach(token -> ids.add(vocabulary.get(token)));
            }
        } catch (UnsupportedOperationException | PatternSyntaxException | StackOverflowError beyond) {
            return Optional.empty();
        }
        return ids.contains(null) ? Optional.empty() : Optional.of(ids);
    }

    private static boolean spells(String step) {
        return step.equals("bytes") || step.equals("gpt2");
    }

    /** Whether ByteLevel, alone or among other steps, puts a blank before the text. */
    private boolean prependsBlank() {
        return json.preTokenizer().path("add_prefix_space").asBoolean() || json.preTokenizer().findValues("add_prefix_space").stream().anyMatch(value -> value.asBoolean());
    }

    /** What a step keeps together and cuts around; empty for a step that cuts nothing. */
    private static Optional<Pattern> expression(String step) {
        String regex = switch (step) {
            case "bytes" -> "";
            case "gpt2" -> GPT2;
            case "digits" -> "\\p{N}";
            case "digit-runs" -> "\\p{N}+";
            case "punctuation" -> PUNCTUATION;
            case "punctuation-runs" -> PUNCTUATION + "+";
            default -> {
                if (!step.startsWith(PreTokenizers.SPLIT)) {
                    throw new UnsupportedOperationException(step);
                }
                yield step.substring(PreTokenizers.SPLIT.length());
            }
        };
        return regex.isEmpty() ? Optional.empty() : Optional.of(Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS));
    }

    private static List<String> cut(String piece, Pattern expression) {
        List<String> parts = new ArrayList<>();
        Matcher matcher = expression.matcher(piece);
        int end = 0;
        while (matcher.find()) {
            parts.add(piece.substring(end, matcher.start()));
            parts.add(matcher.group());
            end = matcher.end();
        }
        parts.add(piece.substring(end));
        return parts.stream().filter(part -> !part.isEmpty()).toList();
    }

    private List<String> merged(String letters) {
        if (json.model().path("ignore_merges").asBoolean() && vocabulary.containsKey(letters)) {
            return List.of(letters);
        }
        List<String> tokens = new ArrayList<>(letters.codePoints().mapToObj(Character::toString).toList());
        for (int at = best(tokens); at >= 0; at = best(tokens)) {
            tokens.set(at, tokens.get(at) + tokens.remove(at + 1));
        }
        return tokens;
    }

    /** Where the first of the pairs with the lowest rank stands; -1 when no merge fits. */
    private int best(List<String> tokens) {
        int at = -1;
        int lowest = Integer.MAX_VALUE;
        for (int i = 0; i + 1 < tokens.size(); i++) {
            int rank = ranks.getOrDefault(new Merges.Merge(tokens.get(i), tokens.get(i + 1)), Integer.MAX_VALUE);
            if (rank < lowest) {
                lowest = rank;
                at = i;
            }
        }
        return at;
    }
}
