package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The Python file of a tokenizer that has no tokenizer.json: the regular expression by which it cuts text stands nowhere else. The file is read as a text,
 * nothing in it is run.
 *
 * @param file where the expression stands
 * @param expression what is assigned to {@code pat_str}
 * @param reserves whether further ids are kept for special tokens without a name of their own
 */
record TokenizerCode(Path file, String expression, boolean reserves) {
    private static final String RESERVED = "num_reserved_special_tokens";
    private static final List<String> KNOWN = List.of("tokenization_kimi", "tokenization_moonshot", "tokenization_qwen", "tokenization_hy", "tokenization_chatglm");
    private static final Pattern ASSIGNMENT = Pattern.compile("(?m)^\\s*(?i:pat_str)\\s*(?::[^=\\n]*)?=\\s*");
    private static final Pattern JOINED = Pattern.compile("([\"'])\\|\\1\\s*\\.\\s*join\\s*\\(\\s*[\\[(]\\s*");
    private static final Pattern LITERAL = Pattern.compile("(r?)(\"\"\"|'''|\"|')(.*?(?<!\\\\)(?:\\\\\\\\)*)\\2\\s*", Pattern.DOTALL);
    private static final Pattern ESCAPE = Pattern.compile("\\\\(.)", Pattern.DOTALL);
    private static final Pattern BETWEEN = Pattern.compile("(?:[,\\s\\\\]|#[^\\n]*)*");

    /**
     * Finds the file by what tokenizer_config.json says ({@code auto_map}), else by the names that are known.
     *
     * @param files  gives the files beside the checkpoint by name
     * @param config tokenizer_config.json, if there is one
     * @return the expression, or empty where there is no such file
     * @throws FerryException when there is one, but no expression in it that can be read
     */
    static Optional<TokenizerCode> find(Function<String, Optional<Path>> files, Optional<ObjectNode> config) {
        return Stream.concat(config.flatMap(TokenizerCode::module).stream(), KNOWN.stream()).map(name -> files.apply(name + ".py")).flatMap(Optional::stream).findFirst()
                .map(TokenizerCode::read);
    }

    /** {@code ["tokenization_kimi.TikTokenTokenizer", null]}, perhaps with {@code owner/name--} in front. */
    private static Optional<String> module(ObjectNode config) {
        JsonNode entry = config.path("auto_map").path("AutoTokenizer");
        String text = (entry.isArray() ? entry.path(0) : entry).asText();
        String module = text.substring(text.indexOf("--") < 0 ? 0 : text.indexOf("--") + 2).replaceFirst("\\..*$", "");
        return Optional.of(module).filter(name -> name.matches("[A-Za-z][A-Za-z0-9_]{0,100}"));
    }

    private static TokenizerCode read(Path file) {
        String text = TextFile.read(file);
        Matcher assigned = ASSIGNMENT.matcher(text);
        if (!assigned.find()) {
            throw new MalformedFile(file, -1, "it assigns no 'pat_str', the expression by which the tokenizer cuts text", "Take the file from the base model again");
        }
        int at = assigned.end();
        Matcher joined = JOINED.matcher(text).region(at, text.length());
        boolean alternatives = joined.lookingAt();
        at = alternatives ? joined.end() : text.startsWith("(", at) ? at + 1 : at;
        List<String> literals = literals(text, at);
        if (literals.isEmpty()) {
            throw new MalformedFile(file, -1, "what it assigns to 'pat_str' is neither a string, nor several side by side, nor a list of them joined by '|'", "Take the file from the base model again");
        }
        return new TokenizerCode(file, String.join(alternatives ? "|" : "", literals), text.contains(RESERVED));
    }

    private static List<String> literals(String text, int from) {
        List<String> literals = new ArrayList<>();
        int at = from;
        Matcher literal = LITERAL.matcher(text);
        Matcher between = BETWEEN.matcher(text);
        while (true) {
            at = between.region(at, text.length()).lookingAt() ? between.end() : at;
            if (!literal.region(at, text.length()).lookingAt()) {
                return literals;
            }
            literals.add(literal.group(1).isEmpty() ? unescaped(literal.group(3)) : literal.group(3));
            at = literal.end();
        }
    }

    /** What Python makes of a string that is not raw; a backslash before a letter that means nothing to it stays. */
    private static String unescaped(String text) {
        return ESCAPE.matcher(text).replaceAll(escape -> Matcher.quoteReplacement(switch (escape.group(1)) {
            case "n" -> "\n";
            case "r" -> "\r";
            case "t" -> "\t";
            case "\\", "'", "\"" -> escape.group(1);
            default -> escape.group();
        }));
    }
}
