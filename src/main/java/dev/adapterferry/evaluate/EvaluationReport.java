package dev.adapterferry.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * One evaluation as people and programs read it: JSON with every outcome, Markdown for a chat or a ticket, and one HTML
 * file with charts that needs no network.
 *
 * @param model       the model's name in the settings
 * @param time        when it ended
 * @param cards       the contenders, the judged one first
 * @param comparisons what the judged one was held against
 * @param objections  why the gate refuses it; empty when it passes
 * @param notes       what the reader should know: what could not be compared, and why
 */
public record EvaluationReport(String model, Instant time, List<Scorecard> cards, List<Comparison> comparisons, List<String> objections, List<String> notes) {
    private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule()).disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .enable(SerializationFeature.INDENT_OUTPUT).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    /** Copies the lists. */
    public EvaluationReport {
        cards = List.copyOf(cards);
        comparisons = List.copyOf(comparisons);
        objections = List.copyOf(objections);
        notes = List.copyOf(notes);
    }

    /** A report with nothing to note. */
    public EvaluationReport(String model, Instant time, List<Scorecard> cards, List<Comparison> comparisons, List<String> objections) {
        this(model, time, cards, comparisons, objections, List.of());
    }

    /** The same with the contenders, comparisons and notes of another evaluation of the model behind its own; what was asked in both stands once. */
    public EvaluationReport with(EvaluationReport more) {
        List<Scorecard> both = new ArrayList<>(cards);
        more.cards().stream().filter(card -> cards.stream().noneMatch(known -> known.label().equals(card.label()) && java.util.Objects.equals(known.server(), card.server()))).forEach(both::add);
        return new EvaluationReport(model, time, both, joined(comparisons, more.comparisons()), objections, joined(notes, more.notes()));
    }

    /** The same with one note more. */
    public EvaluationReport noting(String note) {
        return new EvaluationReport(model, time, cards, comparisons, objections, joined(notes, List.of(note)));
    }

    private static <T> List<T> joined(List<T> some, List<T> more) {
        return java.util.stream.Stream.concat(some.stream(), more.stream()).toList();
    }

    /** The numbers of one contender, or of one category of it. */
    record Summary(int prompts, int answered, int errors, Double score, Interval interval, Double latencyMillisP50, Double latencyMillisP95, Double firstTokenMillisP50,
                   Double firstTokenMillisP95, Double tokensPerSecond) {
        static Summary of(Scorecard card) {
            return new Summary(card.outcomes().size(), card.answered(), card.errors(), card.score(), Bootstrap.score(card), card.percentile(Scored::latencyMillis, 50),
                    card.percentile(Scored::latencyMillis, 95), card.percentile(Scored::firstTokenMillis, 50), card.percentile(Scored::firstTokenMillis, 95), card.tokensPerSecond());
        }
    }

    /** Categories of all contenders, in the order of their first prompt. */
    List<String> categories() {
        return cards.stream().flatMap(card -> card.categories().stream()).distinct().toList();
    }

    /** True when the gate has nothing against it. */
    public boolean passed() {
        return objections.isEmpty();
    }

    /** The JSON form; {@link #readCards} reads its scorecards back. */
    public String json() {
        ObjectNode root = JSON.createObjectNode().put("model", model).put("time", time.toString()).put("passed", passed());
        root.set("objections", JSON.valueToTree(objections));
        root.set("notes", JSON.valueToTree(notes));
        for (Scorecard card : cards) {
            ObjectNode node = root.withArray("cards").addObject().put("label", card.label()).put("format", card.format()).put("memoryBytes", card.memoryBytes()).put("server", card.server());
            node.set("summary", JSON.valueToTree(Summary.of(card)));
            ObjectNode categories = node.putObject("categories");
            card.categories().forEach(category -> categories.set(category, JSON.valueToTree(Summary.of(card.category(category)))));
            node.set("outcomes", JSON.valueToTree(card.outcomes()));
        }
        for (Comparison comparison : comparisons) {
            ObjectNode node = root.withArray("comparisons").addObject();
            node.setAll((ObjectNode) JSON.valueToTree(comparison));
            node.put("contenderWins", comparison.contenderWins()).put("reason", comparison.reason());
        }
        try {
            return JSON.writeValueAsString(root);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The Markdown form. */
    public String markdown() {
        return new MarkdownReport(this).text();
    }

    /** The HTML form. */
    public String html() {
        return new HtmlReport(this).text();
    }

    /**
     * Writes {@code evaluation.json}, {@code evaluation.md} and {@code evaluation.html}, each absent or complete.
     *
     * @param directory where to, made when it is missing
     * @return the JSON file
     */
    public Path write(Path directory) {
        Durable.write(directory.resolve("evaluation.md"), markdown());
        Durable.write(directory.resolve("evaluation.html"), html());
        Path file = directory.resolve("evaluation.json");
        Durable.write(file, json());
        return file;
    }

    /**
     * The scorecards of an earlier evaluation, to hold a new one against them without asking again.
     *
     * @param file an {@code evaluation.json}
     */
    public static List<Scorecard> readCards(Path file) {
        try {
            List<Scorecard> cards = new ArrayList<>();
            for (JsonNode card : JSON.readTree(file.toFile()).path("cards")) {
                cards.add(JSON.treeToValue(card, Scorecard.class));
            }
            return cards;
        } catch (IOException e) {
            throw new FerryException("Cannot read the evaluation " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
