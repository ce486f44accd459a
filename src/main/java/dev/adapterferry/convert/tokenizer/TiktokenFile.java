package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A vocabulary as tiktoken keeps it: a line for each token, its bytes in base64, a space, its rank. Two neighbours are merged if their bytes together are
 * a token, the lowest rank first; the rank is the id too. Special tokens stand elsewhere.
 *
 * @param file   where it was read from
 * @param tokens the bytes of each token as a text of ISO 8859-1, by rank
 * @see <a href="https://github.com/openai/tiktoken/blob/main/tiktoken/load.py">tiktoken/load.py</a>
 */
record TiktokenFile(Path file, List<String> tokens) {
    private static final Pattern LINE = Pattern.compile("([A-Za-z0-9+/]+={0,2}) ([0-9]{1,9})");
    private static final Pattern FIRST_LINE = Pattern.compile(LINE.pattern() + "\r?\n");
    private static final int MUCH_OF_A_LINE = 60;

    /** The file of a checkpoint that is of this form: Kimi's and Moonlight's, Qwen 1's, Hunyuan's, and Llama 3's as Meta released it. */
    static Optional<Path> find(Function<String, Optional<Path>> files) {
        return Stream.of("tiktoken.model", "qwen.tiktoken", "hy.tiktoken").map(files).flatMap(Optional::stream).findFirst().or(() -> files.apply("tokenizer.model").filter(TiktokenFile::isOne));
    }

    /** Whether a file begins with a token in base64 and its rank; SentencePiece's files of the same name begin with a line feed. */
    static boolean isOne(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return FIRST_LINE.matcher(new String(in.readNBytes(256), StandardCharsets.ISO_8859_1)).lookingAt();
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * Reads a file.
     *
     * @throws MalformedFile  when a line is something else, or a rank or a single byte is missing; the message names the line
     * @throws FerryException when it cannot be read
     */
    static TiktokenFile read(Path file) {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        Map<Integer, String> tokens = new HashMap<>();
        Map<String, Integer> lines = new HashMap<>();
        int number = 0;
        for (String line : (Iterable<String>) text.lines()::iterator) {
            number++;
            if (!line.isBlank()) {
                add(file, number, line, tokens, lines);
            }
        }
        List<String> ordered = new ArrayList<>(tokens.size());
        for (int rank = 0; rank < tokens.size(); rank++) {
            if (!tokens.containsKey(rank)) {
                throw wrong(file, "it has " + tokens.size() + " tokens, but none of rank " + rank);
            }
            ordered.add(tokens.get(rank));
        }
        for (char b = 0; b < 256; b++) {
            if (!lines.containsKey(String.valueOf(b))) {
                throw wrong(file, "it has no token for the single byte 0x%02X, without which not every text has tokens".formatted((int) b));
            }
        }
        return new TiktokenFile(file, List.copyOf(ordered));
    }

    private static void add(Path file, int number, String line, Map<Integer, String> tokens, Map<String, Integer> lines) {
        Matcher parts = LINE.matcher(line.strip());
        if (!parts.matches()) {
            throw wrong(file, "line " + number + " is '" + (line.length() > MUCH_OF_A_LINE ? line.substring(0, MUCH_OF_A_LINE) + "..." : line)
                    + "', where a token in base64, a space and its rank are expected");
        }
        String token;
        try {
            token = new String(Base64.getDecoder().decode(parts.group(1)), StandardCharsets.ISO_8859_1);
        } catch (IllegalArgumentException e) {
            throw wrong(file, "'" + parts.group(1) + "' in line " + number + " is no base64");
        }
        Integer before = lines.putIfAbsent(token, number);
        if (before != null) {
            throw wrong(file, "lines " + before + " and " + number + " both hold the token " + parts.group(1));
        }
        if (tokens.putIfAbsent(Integer.parseInt(parts.group(2)), token) != null) {
            throw wrong(file, "rank " + parts.group(2) + " is given twice, the second time in line " + number);
        }
    }

    private static FerryException unreadable(Path file, IOException e) {
        return new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
    }

    private static MalformedFile wrong(Path file, String defect) {
        return new MalformedFile(file, -1, defect, "Take the file from the base model again");
    }
}
