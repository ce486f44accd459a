package dev.adapterferry.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A small vocabulary of the kind of RWKV's World models, its file as RWKV publishes it, and what it makes of a text by its definition: all 256 bytes, line
 * ends by twos and threes, and pieces of a corpus that occur often, some of which end within a character. Bytes are kept as Latin-1.
 */
final class WorldVocabulary {
    private final List<String> tokens = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();

    WorldVocabulary(String corpus) {
        this(corpus, 90);
    }

    WorldVocabulary(String corpus, int pieces) {
        for (int b = 0; b < 256; b++) {
            add(String.valueOf((char) b));
        }
        List.of("\n\n", "\r\n", "\t\t", "\n\n\n", "\\n", "'\"", "it's", "\"}").forEach(this::add);
        String bytes = new String(corpus.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        Map<String, Integer> counts = new TreeMap<>();
        for (int length = 2; length <= 9; length++) {
            for (int at = 0; at + length <= bytes.length(); at++) {
                counts.merge(bytes.substring(at, at + length), length, Integer::sum);
            }
        }
        counts.entrySet().stream().sorted(Map.Entry.<String, Integer>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey())).map(Map.Entry::getKey)
                .filter(piece -> !ids.containsKey(piece)).limit(pieces).forEach(this::add);
    }

    private void add(String token) {
        tokens.add(token);
        ids.put(token, tokens.size());
    }

    /** Id 0 included. */
    int size() {
        return tokens.size() + 1;
    }

    void write(Path folder) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < tokens.size(); i++) {
            lines.append(i + 1).append(' ').append(python(tokens.get(i))).append(' ').append(tokens.get(i).length()).append('\n');
        }
        Files.writeString(folder.resolve("rwkv_vocab_v20230424.txt"), lines);
    }

    /** A text where the bytes are UTF-8, bytes where not, as Python's repr has them. */
    private static String python(String token) {
        byte[] bytes = token.getBytes(StandardCharsets.ISO_8859_1);
        String text = new String(bytes, StandardCharsets.UTF_8);
        boolean whole = text.indexOf('\uFFFD') < 0;
        char quote = token.indexOf('\'') >= 0 && token.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder out = new StringBuilder(whole ? "" : "b").append(quote);
        (whole ? text : token).codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (c < ' ' || c == 127 || !whole && c > 126 || c > 127 && c < 0xA1) {
                        out.append(String.format("\\x%02x", c));
                    } else if (c == 0x2028 || c == 0x3000) {
                        out.append(String.format("\\u%04x", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        return out.append(quote).toString();
    }

    /** The longest token that fits, again and again. */
    int[] encode(String text) {
        String bytes = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        List<Integer> found = new ArrayList<>();
        int longest = tokens.stream().mapToInt(String::length).max().orElseThrow();
        for (int at = 0; at < bytes.length();) {
            int length = Math.min(longest, bytes.length() - at);
            while (!ids.containsKey(bytes.substring(at, at + length))) {
                length--;
            }
            found.add(ids.get(bytes.substring(at, at + length)));
            at += length;
        }
        return found.stream().mapToInt(Integer::intValue).toArray();
    }
}
