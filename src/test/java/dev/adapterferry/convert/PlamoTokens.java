package dev.adapterferry.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A vocabulary of PLaMo's kind, made of pieces of a text with scores as a unigram model would give them, and the search for the best cut that
 * {@code tokenization_plamo.py} defines: from the end to the begin, scores in whole ten-thousandths, the longest of equals, characters that no token holds by bytes.
 */
final class PlamoTokens {
    private static final List<String> SPECIALS = List.of("<|plamo:unk|>", "<|plamo:bos|>", "<|plamo:eos|>", "<|plamo:pad|>", "<|plamo:op|>", "<|plamo:tool|>");
    private static final long UNKNOWN = -10_000_000;

    private final List<String> lines = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<String, Long> scores = new HashMap<>();
    private final int[] bytes = new int[256];
    private int longest;

    /** As many pieces of up to six characters as asked for. */
    PlamoTokens(String text, int count) {
        SPECIALS.forEach(special -> add(special, 0, special.equals("<|plamo:unk|>") ? "UNKNOWN" : "CONTROL"));
        for (int b = 0; b < 256; b++) {
            bytes[b] = ids.size();
            ids.put(String.format("<0x%02X>", b), ids.size());
            lines.add(String.format("[\"<0x%02X>\", 0.0, \"BYTE\", \"\", 0, 0]", b));
        }
        Random random = new Random(3);
        int[] points = text.codePoints().toArray();
        int limit = ids.size() + count;
        for (int tries = 0; ids.size() < limit && tries < 100_000; tries++) {
            int from = random.nextInt(points.length);
            int length = Math.min(1 + random.nextInt(6), points.length - from);
            String piece = new String(points, from, length);
            if (!ids.containsKey(piece)) {
                add(piece, Math.round((-3 - 2.1 * Math.sqrt(length) - 4 * random.nextDouble()) * 1e4) / 1e4, "NORMAL");
            }
        }
    }

    private void add(String token, double score, String kind) {
        scores.put(token, Math.round(score * 1e4));
        longest = Math.max(longest, token.codePointCount(0, token.length()));
        ids.put(token, ids.size());
        lines.add("[" + quoted(token) + ", " + score + ", \"" + kind + "\", \"\", 0, 0]");
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.chars().forEach(c -> out.append(c == '"' || c == '\\' ? "\\" + (char) c : c < ' ' ? String.format("\\u%04x", c) : String.valueOf((char) c)));
        return out.append('"').toString();
    }

    int size() {
        return ids.size();
    }

    /** Writes tokenizer.jsonl and tokenizer_config.json. */
    void write(Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer.jsonl"), String.join("\n", lines) + "\n");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"Plamo2Tokenizer\",\"unk_token\":\"<|plamo:unk|>\",\"bos_token\":\"<|plamo:bos|>\",\"eos_token\":\"<|plamo:eos|>\","
                + "\"pad_token\":\"<|plamo:pad|>\",\"add_bos_token\":true,\"add_eos_token\":false}");
    }

    /** The ids of a text, special tokens taken for text. */
    int[] encode(String text) {
        int[] points = text.codePoints().toArray();
        long[] best = new long[points.length + 1];
        int[] taken = new int[points.length];
        for (int i = points.length - 1; i >= 0; i--) {
            best[i] = Long.MAX_VALUE;
            for (int length = Math.min(longest, points.length - i); length > 0; length--) {
                Long score = scores.get(new String(points, i, length));
                if (score != null && best[i + length] - score < best[i]) {
                    best[i] = best[i + length] - score;
                    taken[i] = length;
                }
            }
            if (best[i + 1] - UNKNOWN < best[i]) {
                best[i] = best[i + 1] - UNKNOWN;
                taken[i] = 0;
            }
        }
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < points.length; i += Math.max(1, taken[i])) {
            if (taken[i] > 0) {
                found.add(ids.get(new String(points, i, taken[i])));
                continue;
            }
            for (byte b : new String(points, i, 1).getBytes(StandardCharsets.UTF_8)) {
                found.add(bytes[b & 0xFF]);
            }
        }
        return found.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Ids of single bytes. */
    boolean isByte(int id) {
        return IntStream.of(bytes).anyMatch(b -> b == id);
    }
}
