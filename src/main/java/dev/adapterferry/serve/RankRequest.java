package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.ScoringModel.Score;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A question to {@code /v1/rerank}, as llama-server, Jina and Cohere understand it: which of these texts answer a query best?
 *
 * @param model name of the model
 * @param query the query
 * @param texts at least one
 * @param most  how many of the best are wanted
 */
record RankRequest(String model, String query, List<String> texts, int most) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Reads a question.
     *
     * @throws ApiError when it is none
     */
    static RankRequest parse(byte[] body) {
        JsonNode root;
        try {
            root = JSON.readTree(body);
        } catch (IOException e) {
            throw ApiError.badRequest(null, "The body is no JSON: " + e.getMessage());
        }
        for (String name : List.of("model", "query")) {
            if (root == null || !root.path(name).isTextual()) {
                throw ApiError.badRequest(name, "'" + name + "' must be a text.");
            }
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode document : root.path("documents")) {
            JsonNode text = document.isObject() ? document.path("text") : document;
            if (!text.isTextual()) {
                throw ApiError.badRequest("documents", "'documents' must be a list of texts.");
            }
            texts.add(text.asText());
        }
        if (texts.isEmpty() || !root.path("top_n").isMissingNode() && root.path("top_n").asInt() < 1) {
            throw ApiError.badRequest(texts.isEmpty() ? "documents" : "top_n", texts.isEmpty() ? "'documents' holds no text." : "'top_n' must be a positive number.");
        }
        return new RankRequest(root.get("model").asText(), root.get("query").asText(), texts, root.path("top_n").asInt(texts.size()));
    }

    /**
     * The answer, the best text first; waits for its turn.
     *
     * @throws ApiError       when the model is none that makes scores
     * @throws FerryException when a pair is too long
     */
    ObjectNode answer(ModelShelf shelf) throws InterruptedException {
        try (ModelShelf.Use use = shelf.use(model).orElseThrow(() -> ApiError.modelNotFound(model))) {
            ScoreModel scores = use.scores();
            List<Score> made = texts.stream().map(text -> scores.score(query, text)).toList();
            ObjectNode body = JsonNodeFactory.instance.objectNode().put("model", model).put("object", "list");
            int tokens = made.stream().mapToInt(Score::tokens).sum();
            body.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
            ArrayNode results = body.putArray("results");
            IntStream.range(0, made.size()).boxed().sorted(Comparator.comparing((Integer i) -> made.get(i).value()).reversed()).limit(most)
                    .forEach(i -> results.addObject().put("index", i).put("relevance_score", made.get(i).value()));
            return body;
        }
    }
}
