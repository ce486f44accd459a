package dev.adapterferry.convert;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What tiktoken does, written down from its description: special tokens first, then the pieces that the expression finds, each of them a token as it is, or
 * its bytes, of which the two neighbours that together have the lowest rank are joined until none have any.
 */
final class TiktokenReference {
    private final Map<String, Integer> ranks = new HashMap<>();
    private final Map<String, Integer> specials;
    private final Pattern pieces;
    private final Pattern marked;

    /**
     * @param tokens     bytes as texts of ISO 8859-1, by rank
     * @param expression as the tokenizer's code has it
     * @param specials   texts and ids of special tokens
     */
    TiktokenReference(List<String> tokens, String expression, Map<String, Integer> specials) {
        for (int rank = 0; rank < tokens.size(); rank++) {
            ranks.put(tokens.get(rank), rank);
        }
        this.specials = specials;
        pieces = pattern(expression);
        marked = Pattern.compile(specials.keySet().stream().sorted(Comparator.comparingInt(String::length).reversed()).map(Pattern::quote).collect(Collectors.joining("|")));
    }

    /** The texts between two cuts of an expression. */
    static List<String> cut(String text, String expression) {
        return pattern(expression).matcher(text).results().map(MatchResult::group).toList();
    }

    private static Pattern pattern(String expression) {
        return Pattern.compile(expression.replace("\\p{Han}", "\\p{IsHan}"), Pattern.UNICODE_CHARACTER_CLASS);
    }

    long[] encode(String text) {
        List<Integer> ids = new ArrayList<>();
        Matcher special = marked.matcher(text);
        int at = 0;
        while (special.find()) {
            ordinary(text.substring(at, special.start()), ids);
            ids.add(specials.get(special.group()));
            at = special.end();
        }
        ordinary(text.substring(at), ids);
        return ids.stream().mapToLong(Integer::longValue).toArray();
    }

    private void ordinary(String text, List<Integer> ids) {
        Matcher piece = pieces.matcher(text);
        while (piece.find()) {
            merge(new String(piece.group().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1), ids);
        }
    }

    private void merge(String bytes, List<Integer> ids) {
        if (ranks.containsKey(bytes)) {
            ids.add(ranks.get(bytes));
            return;
        }
        List<String> parts = new ArrayList<>(bytes.chars().mapToObj(Character::toString).toList());
        while (true) {
            int lowest = -1;
            for (int i = 0; i + 1 < parts.size(); i++) {
                Integer rank = ranks.get(parts.get(i) + parts.get(i + 1));
                if (rank != null && (lowest < 0 || rank < ranks.get(parts.get(lowest) + parts.get(lowest + 1)))) {
                    lowest = i;
                }
            }
            if (lowest < 0) {
                parts.forEach(part -> ids.add(ranks.get(part)));
                return;
            }
            parts.set(lowest, parts.get(lowest) + parts.remove(lowest + 1));
        }
    }
}
