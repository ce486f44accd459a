package dev.adapterferry.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Prompts from a JSONL file, one object per line; empty lines and lines that begin with {@code #} are skipped.
 *
 * <pre>{@code
 * {"prompt": "Who are you?", "contains": ["Majora"], "category": "persona", "weight": 2}
 * {"prompt": "17 + 25 = ?", "numeric": 42}
 * {"prompt": "Capital of France, one word.", "exact": "Paris", "case_sensitive": false}
 * {"prompt": "Yes or no?", "any_of": ["yes", "no"]}
 * {"prompt": "A date, ISO.", "regex": "^\\d{4}-\\d{2}-\\d{2}$"}
 * {"prompt": "A person as JSON.", "json_schema": {"type": "object", "required": ["name"]}}
 * }</pre>
 *
 * {@code id} defaults to {@code <file>:<line>}, {@code category} to {@code general}, {@code weight} to 1, {@code tolerance} of
 * {@code numeric} to a millionth of the value. Lines of the older suites ({@code question}, {@code expected_features},
 * {@code expected_answer}, {@code difficulty}) are understood too; features and answer keep their weights 0.5 and 0.3,
 * taken relative to what the line has, so that every line can reach 1.
 */
public final class PromptSet {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> KNOWN = Set.of("id", "category", "difficulty", "prompt", "question", "system", "weight", "contains", "any_of", "regex", "exact", "numeric",
            "tolerance", "json_schema", "case_sensitive", "expected_features", "expected_answer");

    private PromptSet() { }

    /**
     * Reads a set.
     *
     * @param file JSONL file, UTF-8
     * @throws FerryException with file and line for what is no prompt
     */
    public static List<Prompt> read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new FerryException("Cannot read the prompt set " + file + ": " + Durable.reason(e) + ".", e);
        }
        List<Prompt> prompts = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String where = file + ", line " + (i + 1);
            Prompt prompt = parse(line, where, file.getFileName().toString().replaceFirst("\\.jsonl$", "") + ":" + (i + 1));
            if (!ids.add(prompt.id())) {
                throw new FerryException(where + ": the id '" + prompt.id() + "' occurs twice. Comparisons pair answers by id; make it unique.");
            }
            prompts.add(prompt);
        }
        if (prompts.isEmpty()) {
            throw new FerryException("The prompt set " + file + " holds no prompt.");
        }
        return prompts;
    }

    /**
     * Reads several sets as one.
     *
     * @param files JSONL files
     * @throws FerryException with file and line for what is no prompt, and for an id that two sets use
     */
    public static List<Prompt> read(List<Path> files) {
        List<Prompt> prompts = new ArrayList<>();
        Map<String, Path> ids = new HashMap<>();
        for (Path file : files) {
            for (Prompt prompt : read(file)) {
                Path other = ids.put(prompt.id(), file);
                if (other != null) {
                    throw new FerryException("The prompt sets " + other + " and " + file + " both use the id '" + prompt.id() + "'. Comparisons pair answers by id; make it unique.");
                }
                prompts.add(prompt);
            }
        }
        return prompts;
    }

    private static Prompt parse(String line, String where, String defaultId) {
        JsonNode node;
        try {
            node = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw new FerryException(where + ": no JSON: " + e.getOriginalMessage() + ".", e);
        }
        node.fieldNames().forEachRemaining(name -> {
            // A misspelt condition must not pass as "no condition"; other projects' notes are theirs.
            if (!KNOWN.contains(name) && !name.startsWith("_") && !name.equals("metadata") && !name.equals("tags")) {
                throw new FerryException(where + ": unknown member '" + name + "'; known are " + KNOWN.stream().sorted().toList() + ", and names beginning with '_'.");
            }
        });
        String prompt = node.path("prompt").asText(node.path("question").asText(""));
        double weight = node.path("weight").asDouble(1);
        List<Prompt.Weighted> checks = checks(node, where);
        if (prompt.isBlank() || !(weight > 0) || checks.isEmpty()) {
            throw new FerryException(where + ": expected a 'prompt', a positive 'weight', and at least one of contains, any_of, regex, exact, numeric, json_schema.");
        }
        return new Prompt(node.path("id").asText(defaultId), node.path("category").asText("general"), prompt, node.path("system").isTextual() ? node.path("system").asText() : null, weight, checks);
    }

    private static List<Prompt.Weighted> checks(JsonNode node, String where) {
        boolean sensitive = node.path("case_sensitive").asBoolean(false);
        List<Prompt.Weighted> checks = new ArrayList<>();
        if (node.has("contains")) {
            checks.add(new Prompt.Weighted(new Check.Contains(texts(node.get("contains"), "contains", where), sensitive), 1));
        }
        if (node.has("any_of")) {
            checks.add(new Prompt.Weighted(new Check.AnyOf(texts(node.get("any_of"), "any_of", where), sensitive), 1));
        }
        if (node.has("regex")) {
            for (String text : texts(node.get("regex"), "regex", where)) {
                try {
                    checks.add(new Prompt.Weighted(new Check.Regex(Pattern.compile(text)), 1));
                } catch (PatternSyntaxException e) {
                    throw new FerryException(where + ": 'regex' is no regular expression: " + e.getDescription() + " at " + e.getIndex() + ".", e);
                }
            }
        }
        if (node.has("exact")) {
            checks.add(new Prompt.Weighted(new Check.Exact(node.get("exact").asText(), sensitive), 1));
        }
        if (node.has("numeric")) {
            if (!node.get("numeric").isNumber()) {
                throw new FerryException(where + ": 'numeric' must be a number, not " + node.get("numeric") + ".");
            }
            double value = node.get("numeric").asDouble();
            checks.add(new Prompt.Weighted(new Check.Numeric(value, node.path("tolerance").asDouble(Math.max(1e-9, Math.abs(value) * 1e-6))), 1));
        }
        if (node.has("json_schema")) {
            checks.add(new Prompt.Weighted(new Check.Schema(JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(node.get("json_schema"))), 1));
        }
        if (node.path("expected_features").size() > 0) {
            checks.add(new Prompt.Weighted(new Check.Contains(texts(node.get("expected_features"), "expected_features", where), false), 0.5));
        }
        if (!node.path("expected_answer").asText("").isBlank()) {
            checks.add(new Prompt.Weighted(new Check.Expected(node.get("expected_answer").asText()), 0.3));
        }
        return checks;
    }

    private static List<String> texts(JsonNode node, String name, String where) {
        List<String> texts = new ArrayList<>();
        if (node.isTextual()) {
            texts.add(node.asText());
        }
        node.forEach(text -> texts.add(text.asText()));
        if (texts.isEmpty() || texts.stream().anyMatch(String::isEmpty)) {
            throw new FerryException(where + ": '" + name + "' must be a text or a list of texts, none empty.");
        }
        return texts;
    }
}
