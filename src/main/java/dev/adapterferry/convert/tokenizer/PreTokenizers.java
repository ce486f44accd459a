package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds llama.cpp's name for the way in which a byte-level BPE tokenizer cuts text before merging. llama.cpp carries the
 * regular expressions in its code and knows them by name ({@code tokenizer.ggml.pre}).
 *
 * <p>The reference converter hashes what the whole tokenizer makes of a fixed text, so that an added token can make a
 * known tokenizer unknown. Here the definition itself is compared: the steps of {@code pre_tokenizer} in tokenizer.json
 * with those in {@code pre-tokenizers.yaml}. Fine-tunes of known bases are recognised whatever they added. Only where the
 * definition is unknown is the hash asked for ({@link TokenizerDigests}).
 */
public final class PreTokenizers {
    /**
     * One known definition.
     *
     * @param name         value of {@code tokenizer.ggml.pre}
     * @param steps        the steps, as {@link #steps} writes them
     * @param ignoreMerges required value of {@code model.ignore_merges}, empty when it does not matter
     * @param addedToken   an added token that must exist, empty when none
     */
    private record Known(String name, List<String> steps, Optional<Boolean> ignoreMerges, Optional<String> addedToken) {
        boolean fits(List<String> steps, List<String> added) {
            return this.steps.equals(steps) && addedToken.map(added::contains).orElse(true);
        }
    }

    /** Begins a step that cuts by an expression. */
    static final String SPLIT = "split ";
    private static final PreTokenizers BUILT_IN = load();

    private final List<Known> known;
    private final TokenizerDigests digests;

    private PreTokenizers(List<Known> known, TokenizerDigests digests) {
        this.known = known;
        this.digests = digests;
    }

    /** The built-in table. */
    public static PreTokenizers builtIn() {
        return BUILT_IN;
    }

    /** The same definitions, with other digests for what is not among them. */
    PreTokenizers with(TokenizerDigests others) {
        return new PreTokenizers(known, others);
    }

    /**
     * The name for a tokenizer.
     *
     * @param model  name of the checkpoint, for messages
     * @param merges its merges, in order of ranks
     * @throws FerryException when definition and digest are unknown: a guessed name would cut text in other places than training did
     */
    String recognise(String model, TokenizerJson json, List<Merges.Merge> merges) {
        List<String> steps = steps(json.preTokenizer());
        boolean ignoreMerges = json.model().path("ignore_merges").asBoolean();
        List<String> added = json.addedTokens().stream().map(TokenizerJson.AddedToken::content).toList();
        return find(steps, ignoreMerges, added).or(() -> digests.find(json, merges)).orElseThrow(() -> unknown(model, "its pre-tokenizer is unknown to this program: " + steps));
    }

    /**
     * The name for a tokenizer that says by an expression in its code how text is cut. Such tokenizers take a piece that is a token as it is, without merging;
     * merges that were made of ranks ({@link TiktokenMerges}) lead to that token too.
     *
     * @param model name of the checkpoint, for messages
     * @param added texts of the tokens beside the ranks
     * @throws FerryException when the expression is unknown
     */
    String recognise(String model, TokenizerCode code, List<String> added) {
        List<String> steps = List.of(canonical(SPLIT + code.expression()), "bytes");
        return known.stream().filter(k -> k.fits(steps, added)).findFirst().map(Known::name)
                .orElseThrow(() -> unknown(model, "the expression in " + code.file().getFileName() + " is unknown to this program: " + code.expression()));
    }

    /**
     * The expression by which a known tokenizer cuts text first.
     *
     * @param name value of {@code tokenizer.ggml.pre}, of one that has such an expression
     */
    String expression(String name) {
        return known.stream().filter(k -> k.name().equals(name)).map(k -> k.steps().getFirst()).findFirst().orElseThrow().substring(SPLIT.length());
    }

    private Optional<String> find(List<String> steps, boolean ignoreMerges, List<String> added) {
        return known.stream().filter(k -> k.fits(steps, added) && k.ignoreMerges().orElse(ignoreMerges) == ignoreMerges).findFirst().map(Known::name);
    }

    private static FerryException unknown(String model, String what) {
        return new FerryException("Cannot convert the tokenizer of " + model + ": " + what
                + ". If llama.cpp has a name for it, add both to pre-tokenizers.yaml (src/docs/architectures.md says how).");
    }

    /**
     * The steps of a pre-tokenizer in one notation: {@code split REGEX}, {@code gpt2} (ByteLevel with its own regex),
     * {@code bytes} (ByteLevel without), {@code digits}, {@code digit-runs}, {@code punctuation}, {@code punctuation-runs}.
     */
    static List<String> steps(JsonNode node) {
        List<String> steps = new ArrayList<>();
        switch (node.path("type").asText()) {
            case "Sequence" -> node.path("pretokenizers").forEach(inner -> steps.addAll(steps(inner)));
            case "ByteLevel" -> steps.add(node.path("use_regex").asBoolean(true) ? "gpt2" : "bytes");
            case "Digits" -> steps.add(node.path("individual_digits").asBoolean() ? "digits" : "digit-runs");
            case "Punctuation" -> steps.add(switch (node.path("behavior").asText("Isolated")) {
                case "Isolated" -> "punctuation";
                case "Contiguous" -> "punctuation-runs";
                default -> node.toString();
            });
            case "Split" -> steps.add(split(node));
            default -> steps.add(node.isMissingNode() || node.isNull() ? "none" : node.toString());
        }
        return steps;
    }

    private static String split(JsonNode node) {
        JsonNode pattern = node.path("pattern");
        String behaviour = node.path("behavior").asText();
        boolean inverted = node.path("invert").asBoolean();
        if (!pattern.path("Regex").isTextual()) {
            return node.toString();
        }
        String regex = pattern.get("Regex").asText();
        // "Keep the matches" and "cut around the matches" are the same for an expression that matches everything.
        boolean keepsMatches = behaviour.equals("Removed") && inverted && regex.endsWith("\\s+");
        return behaviour.equals("Isolated") && !inverted || keepsMatches ? canonical(SPLIT + regex) : node.toString();
    }

    /** Some files spell line ends and tabs in an expression as escapes, some as themselves. */
    private static String canonical(String step) {
        return step.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t");
    }

    private static PreTokenizers load() {
        List<Known> known = new ArrayList<>();
        try (InputStream in = PreTokenizers.class.getResourceAsStream("pre-tokenizers.yaml")) {
            for (JsonNode entry : new YAMLMapper().readTree(in)) {
                List<String> steps = new ArrayList<>();
                entry.get("steps").forEach(step -> steps.add(canonical(step.asText())));
                known.add(new Known(entry.get("pre").asText(), List.copyOf(steps),
                        entry.has("ignore_merges") ? Optional.of(entry.get("ignore_merges").asBoolean()) : Optional.empty(),
                        entry.has("added_token") ? Optional.of(entry.get("added_token").asText()) : Optional.empty()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new PreTokenizers(List.copyOf(known), TokenizerDigests.builtIn());
    }
}
