package dev.adapterferry.convert;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Compares published tokenizers, which are not this project's to keep, with what llama.cpp makes of them: each folder in a folder that holds a tokenizer.json. A program, not a
 * test: it reports how many of so many varied strings get other ids, and shows the first ones.
 *
 * <pre>TokenizerSurvey FOLDER [KIND] [STRINGS]</pre>
 */
final class TokenizerSurvey {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SHOWN = 3;
    private static final int SPECIALS = 8;

    private TokenizerSurvey() { }

    /** @param args the folder of folders; the tokenizer kind of architecture files, {@code spm-or-bpe} if not given; how many strings, 5,000 if not given */
    public static void main(String[] args) throws IOException {
        String kind = args.length > 1 ? args[1] : "spm-or-bpe";
        int strings = args.length > 2 ? Integer.parseInt(args[2]) : 5000;
        try (Stream<Path> folders = Files.list(Path.of(args[0])).filter(folder -> Files.isRegularFile(folder.resolve("tokenizer.json"))).sorted()) {
            for (Path folder : folders.toList()) {
                try {
                    System.out.println(folder.getFileName() + ": " + compare(folder, kind, strings));
                } catch (FerryException e) {
                    System.out.println(folder.getFileName() + ": refused. " + e.getMessage());
                }
            }
        }
        // The other process and the reference's threads would keep this one.
        System.exit(0);
    }

    private static String compare(Path folder, String kind, int strings) throws IOException {
        JsonNode json = JSON.readTree(folder.resolve("tokenizer.json").toFile());
        List<String> added = new ArrayList<>();
        int last = json.at("/model/vocab").size() - 1;
        for (JsonNode token : json.path("added_tokens")) {
            last = Math.max(last, token.path("id").asInt());
            added.add(token.path("content").asText());
        }
        Path work = Files.createTempDirectory("tokenizer-survey");
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, work.resolve(file.getFileName()));
            }
        }
        // What is cut off or filled up by its length tells nothing of the ids.
        Files.writeString(work.resolve("tokenizer.json"), ((ObjectNode) json).putNull("truncation").putNull("padding").toString());
        TokenizerConverter.Result converted = TokenizerOracle.convert(work, kind, last + 1);
        VariedText varied = new VariedText(7, added.subList(0, Math.min(SPECIALS, added.size())));
        List<String> texts = Stream.generate(varied::next).limit(strings).toList();
        int[][] found = CurrentLlama.tokenize(work.resolve("vocabulary.gguf"), texts, false, true);
        int different = 0;
        StringBuilder shown = new StringBuilder();
        try (HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(work.resolve("tokenizer.json"))) {
            for (int i = 0; i < texts.size(); i++) {
                long[] expected = reference.encode(texts.get(i), false, false).getIds();
                long[] ids = Arrays.stream(found[i]).asLongStream().toArray();
                int at = Arrays.mismatch(expected, ids);
                if (at >= 0 && different++ < SHOWN) {
                    shown.append("\n    '").append(texts.get(i)).append("' from the ").append(at).append(". id on: reference ").append(from(expected, at)).append(", llama.cpp ").append(from(ids, at));
                }
            }
        }
        return converted.model() + ", " + converted.pre() + ", " + converted.tokens() + " tokens: " + different + " of " + strings + " strings get other ids" + shown;
    }

    private static String from(long[] ids, int at) {
        return Arrays.toString(Arrays.copyOfRange(ids, at, Math.min(ids.length, at + 6)));
    }
}
