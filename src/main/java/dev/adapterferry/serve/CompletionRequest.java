package dev.adapterferry.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.llamacpp.Sampling;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a client asks, checked. Members that change the answer and are not supported are refused rather than ignored; members
 * that this server does not know are ignored, as clients expect.
 *
 * @param model       id of the model
 * @param messages    the conversation; empty for a plain completion
 * @param prompt      the text to go on with; null for a conversation
 * @param temperature when the client named one
 * @param sampling    everything else about choosing tokens
 * @param stream      answer in pieces
 * @param usage       a stream ends with the token counts
 */
record CompletionRequest(String model, List<ChatModel.Message> messages, String prompt, Optional<Double> temperature, Sampling sampling, boolean stream, boolean usage) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double USUAL_TEMPERATURE = 0.8;

    static CompletionRequest chat(byte[] body) {
        JsonNode json = json(body);
        List<ChatModel.Message> messages = messages(json.path("messages"));
        refuse(json, "tools", json.path("tools").size() > 0);
        refuse(json, "functions", json.path("functions").size() > 0);
        return parse(json, messages, null);
    }

    static CompletionRequest completion(byte[] body) {
        JsonNode json = json(body);
        JsonNode prompt = json.path("prompt");
        prompt = prompt.isArray() && prompt.size() == 1 ? prompt.get(0) : prompt;
        if (!prompt.isTextual() || prompt.asText().isEmpty()) {
            throw ApiError.badRequest("prompt", "'prompt' must be a text that is not empty.");
        }
        refuse(json, "suffix", !json.path("suffix").asText("").isEmpty());
        refuse(json, "echo", json.path("echo").asBoolean());
        refuse(json, "best_of", json.path("best_of").asInt(1) > 1);
        return parse(json, List.of(), prompt.asText());
    }

    private static JsonNode json(byte[] body) {
        try {
            JsonNode json = JSON.readTree(body);
            if (json == null || !json.isObject()) {
                throw ApiError.badRequest(null, "The body must be a JSON object.");
            }
            return json;
        } catch (JsonProcessingException e) {
            throw ApiError.badRequest(null, "The body is no JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw ApiError.badRequest(null, "The body cannot be read: " + e.getMessage());
        }
    }

    private static CompletionRequest parse(JsonNode json, List<ChatModel.Message> messages, String prompt) {
        if (!json.path("model").isTextual() || json.path("model").asText().isBlank()) {
            throw ApiError.badRequest("model", "'model' must name one of the models of GET /v1/models.");
        }
        refuse(json, "n", json.path("n").asInt(1) != 1);
        refuse(json, "logprobs", json.path("logprobs").asBoolean() || json.path("logprobs").asInt() > 0);
        refuse(json, "logit_bias", json.path("logit_bias").size() > 0);
        refuse(json, "response_format", !json.path("response_format").path("type").asText("text").equals("text"));
        Optional<Double> temperature = number(json, "temperature", 0, 100);
        String limitName = present(json, "max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        Sampling usual = Sampling.common(-1);
        Sampling sampling = new Sampling(temperature.orElse(USUAL_TEMPERATURE), whole(json, "top_k", 0, Integer.MAX_VALUE).orElse(usual.topK()),
                number(json, "top_p", 0, 1).orElse(usual.topP()), number(json, "min_p", 0, 1).orElse(usual.minP()),
                number(json, present(json, "repeat_penalty") ? "repeat_penalty" : "repetition_penalty", 0.01, 100).orElse(1.0),
                number(json, "frequency_penalty", -2, 2).orElse(0.0), number(json, "presence_penalty", -2, 2).orElse(0.0),
                seed(json), whole(json, limitName, -1, Integer.MAX_VALUE).orElse(-1), stops(json.path("stop")));
        return new CompletionRequest(json.path("model").asText(), messages, prompt, temperature, sampling, flag(json, "stream"), json.path("stream_options").path("include_usage").asBoolean());
    }

    /** The sampling with the model's own temperature where the client named none. */
    Sampling sampling(ServedModel served) {
        if (temperature.isPresent() || served.temperature() == null) {
            return sampling;
        }
        return new Sampling(served.temperature(), sampling.topK(), sampling.topP(), sampling.minP(), sampling.repeatPenalty(), sampling.frequencyPenalty(),
                sampling.presencePenalty(), sampling.seed(), sampling.maxTokens(), sampling.stop());
    }

    /** The conversation with the model's own system prompt in front where the client sent none. */
    List<ChatModel.Message> messages(ServedModel served) {
        boolean own = served.systemPrompt() != null && !served.systemPrompt().isBlank() && messages.stream().noneMatch(message -> message.role().equals("system"));
        if (!own) {
            return messages;
        }
        List<ChatModel.Message> all = new ArrayList<>();
        all.add(ChatModel.Message.system(served.systemPrompt()));
        all.addAll(messages);
        return all;
    }

    private static List<ChatModel.Message> messages(JsonNode array) {
        if (!array.isArray() || array.isEmpty()) {
            throw ApiError.badRequest("messages", "'messages' must be a list with at least one message.");
        }
        List<ChatModel.Message> messages = new ArrayList<>();
        for (JsonNode message : array) {
            String role = message.path("role").asText("");
            if (role.isBlank()) {
                throw ApiError.badRequest("messages", "Message " + messages.size() + " has no 'role'; use system, user or assistant.");
            }
            messages.add(new ChatModel.Message(role.equals("developer") ? "system" : role, content(message.path("content"), messages.size())));
        }
        return messages;
    }

    /** A text, or a list of parts that are all texts. */
    private static String content(JsonNode content, int index) {
        if (content.isTextual()) {
            return content.asText();
        }
        if (content.isNull()) {
            return "";
        }
        if (!content.isArray()) {
            throw ApiError.badRequest("messages", "Message " + index + " has no 'content'; it must be a text or a list of text parts.");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
                throw ApiError.badRequest("messages", "Message " + index + " holds a part of type '" + part.path("type").asText() + "'; only text is understood here.");
            }
            text.append(part.path("text").asText());
        }
        return text.toString();
    }

    private static void refuse(JsonNode json, String name, boolean used) {
        if (used) {
            throw ApiError.badRequest(name, "unsupported_parameter", "'" + name + "' is not supported by this server: " + json.path(name) + ". Leave it out.");
        }
    }

    private static boolean present(JsonNode json, String name) {
        return json.hasNonNull(name);
    }

    private static Optional<Double> number(JsonNode json, String name, double least, double most) {
        if (!present(json, name)) {
            return Optional.empty();
        }
        JsonNode value = json.get(name);
        if (!value.isNumber() || value.asDouble() < least || value.asDouble() > most) {
            throw ApiError.badRequest(name, "'" + name + "' must be a number from " + least + " to " + most + ", not " + value + ".");
        }
        return Optional.of(value.asDouble());
    }

    private static Optional<Integer> whole(JsonNode json, String name, int least, int most) {
        if (!present(json, name)) {
            return Optional.empty();
        }
        JsonNode value = json.get(name);
        if (!value.canConvertToExactIntegral() || !value.canConvertToInt() || value.asInt() < least || value.asInt() > most) {
            throw ApiError.badRequest(name, "'" + name + "' must be a whole number from " + least + (most == Integer.MAX_VALUE ? " on" : " to " + most) + ", not " + value + ".");
        }
        return Optional.of(value.asInt());
    }

    private static OptionalInt seed(JsonNode json) {
        if (!present(json, "seed")) {
            return OptionalInt.empty();
        }
        JsonNode value = json.get("seed");
        if (!value.isIntegralNumber()) {
            throw ApiError.badRequest("seed", "'seed' must be a whole number, not " + value + ".");
        }
        return OptionalInt.of((int) value.asLong());
    }

    private static boolean flag(JsonNode json, String name) {
        if (present(json, name) && !json.get(name).isBoolean()) {
            throw ApiError.badRequest(name, "'" + name + "' must be true or false, not " + json.get(name) + ".");
        }
        return json.path(name).asBoolean();
    }

    private static List<String> stops(JsonNode stop) {
        List<String> texts = new ArrayList<>();
        if (stop.isTextual()) {
            texts.add(stop.asText());
        } else if (stop.isArray()) {
            stop.forEach(text -> texts.add(text.isTextual() ? text.asText() : ""));
        } else if (!stop.isMissingNode() && !stop.isNull()) {
            texts.add("");
        }
        if (texts.contains("")) {
            throw ApiError.badRequest("stop", "'stop' must be a text or a list of texts, none empty, not " + stop + ".");
        }
        return texts;
    }
}
