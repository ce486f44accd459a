package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.EmbeddingModel.Embedding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A question to {@code /v1/embeddings}: a text, or a list of texts. OpenAI's own clients ask for the numbers as base64 of little-endian floats.
 *
 * @param model  name of the model
 * @param texts  at least one
 * @param base64 whether the numbers are wanted in that form
 */
record VectorRequest(String model, List<String> texts, boolean base64) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Reads a question.
     *
     * @throws ApiError when it is none
     */
    static VectorRequest parse(byte[] body) {
        JsonNode root;
        try {
            root = JSON.readTree(body);
        } catch (IOException e) {
            throw ApiError.badRequest(null, "The body is no JSON: " + e.getMessage());
        }
        if (root == null || !root.path("model").isTextual()) {
            throw ApiError.badRequest("model", "'model' names no model.");
        }
        JsonNode input = root.path("input");
        List<String> texts = new ArrayList<>();
        for (JsonNode text : input.isArray() ? input : List.of(input)) {
            if (!text.isTextual() || text.asText().isEmpty()) {
                throw ApiError.badRequest("input", "'input' must be a text, or a list of texts, none of them empty.");
            }
            texts.add(text.asText());
        }
        if (texts.isEmpty()) {
            throw ApiError.badRequest("input", "'input' holds no text.");
        }
        String format = root.path("encoding_format").asText("float");
        if (!format.equals("float") && !format.equals("base64")) {
            throw ApiError.badRequest("encoding_format", "'encoding_format' must be float or base64, not '" + format + "'.");
        }
        return new VectorRequest(root.get("model").asText(), texts, format.equals("base64"));
    }

    /**
     * The answer; waits for its turn.
     *
     * @throws ApiError       when the model is none that makes vectors
     * @throws FerryException when a text is too long
     */
    ObjectNode answer(ModelShelf shelf) throws InterruptedException {
        try (ModelShelf.Use use = shelf.use(model).orElseThrow(() -> ApiError.modelNotFound(model))) {
            VectorModel vectors = use.vectors();
            ObjectNode body = JsonNodeFactory.instance.objectNode().put("object", "list").put("model", model);
            ArrayNode data = body.putArray("data");
            int tokens = 0;
            for (String text : texts) {
                Embedding made = vectors.embed(text);
                tokens += made.tokens();
                ObjectNode one = data.addObject().put("object", "embedding").put("index", data.size() - 1);
                if (base64) {
                    ByteBuffer bytes = ByteBuffer.allocate(made.vector().length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                    bytes.asFloatBuffer().put(made.vector());
                    one.put("embedding", Base64.getEncoder().encodeToString(bytes.array()));
                } else {
                    ArrayNode numbers = one.putArray("embedding");
                    for (float value : made.vector()) {
                        numbers.add(value);
                    }
                }
            }
            body.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
            return body;
        }
    }
}
