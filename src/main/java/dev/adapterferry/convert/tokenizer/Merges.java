package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.MalformedFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The merges of a BPE model in order of ranks, both notations alike. Each joins two tokens to a third: a merge that names something else is a damaged file, for
 * Hugging Face's library does not open it either, and llama.cpp would silently cut text otherwise.
 */
final class Merges {
    /**
     * One merge.
     *
     * @param left  its left token
     * @param right its right token
     */
    record Merge(String left, String right) {
        /** In the notation of GGUF; spaces inside a part become U+0120. */
        String notation() {
            return left.replace(' ', '\u0120') + " " + right.replace(' ', '\u0120');
        }
    }

    private final Path file;
    private final Set<String> tokens;
    private final boolean prefixed;
    private final List<Merge> list = new ArrayList<>();

    private Merges(Path file, TokenizerJson json) {
        this.file = file;
        this.tokens = json.vocabulary().keySet();
        JsonNode prefix = json.model().path("continuing_subword_prefix");
        this.prefixed = prefix.isTextual() && !prefix.asText().isEmpty();
    }

    /**
     * The merges of a tokenizer.json.
     *
     * @throws MalformedFile when one is no pair, or names what is no token
     */
    static List<Merge> of(TokenizerJson json) {
        Merges merges = new Merges(json.file(), json);
        for (JsonNode merge : json.model().path("merges")) {
            int space = merge.isTextual() ? merge.asText().indexOf(' ', 1) : -1;
            if (space > 0) {
                merges.add(merge.asText().substring(0, space), merge.asText().substring(space + 1));
            } else if (merge.isArray() && merge.size() == 2 && merge.get(0).isTextual() && merge.get(1).isTextual()) {
                merges.add(merge.get(0).asText(), merge.get(1).asText());
            } else {
                throw merges.wrong("is neither \"left right\" nor [\"left\", \"right\"] but " + merge);
            }
        }
        return merges.list;
    }

    /**
     * The merges of a merges.txt: a pair in each line; the first line may be a comment, lines of another form mean nothing.
     *
     * @throws MalformedFile when a pair names what is no token
     */
    static List<Merge> of(Path file, TokenizerJson json) {
        Merges merges = new Merges(file, json);
        List<String> lines = TextFile.read(file).lines().toList();
        for (String line : lines.isEmpty() || !lines.getFirst().startsWith("#") ? lines : lines.subList(1, lines.size())) {
            String[] parts = line.strip().split("\\s+");
            if (parts.length == 2) {
                merges.add(parts[0], parts[1]);
            }
        }
        return merges.list;
    }

    private void add(String left, String right) {
        for (String part : List.of(left, right)) {
            if (!tokens.contains(part)) {
                throw wrong("joins '" + left + "' and '" + right + "', but '" + part + "' is no token");
            }
        }
        if (!prefixed && !tokens.contains(left + right)) {
            throw wrong("joins '" + left + "' and '" + right + "', but '" + left + right + "' is no token");
        }
        list.add(new Merge(left, right));
    }

    private MalformedFile wrong(String defect) {
        return new MalformedFile(file, -1, "merge " + list.size() + " " + defect, "Take the tokenizer files from the base model again");
    }
}
