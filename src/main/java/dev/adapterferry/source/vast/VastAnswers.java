package dev.adapterferry.source.vast;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.transfer.Pause;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the service says no, and how long to wait before asking again. A refusal for too many requests comes as plain text
 * ({@code API requests too frequent: endpoint threshold=2.0}) or as JSON, never with {@code Retry-After}.
 */
final class VastAnswers {
    private static final ObjectMapper JSON = JsonMapper.builder().build();
    private static final Pattern THRESHOLD = Pattern.compile("threshold\\s*=\\s*(\\d{1,3}(?:\\.\\d{1,6})?)");
    private static final int ATTEMPTS = 5;
    // The largest of the thresholds that are known; used when the answer names none.
    private static final double USUAL_SECONDS = 3.5;

    private final VastKey key;
    private final Pause pause;

    VastAnswers(VastKey key, Pause pause) {
        this.key = key;
        this.pause = pause;
    }

    /** Sends until the answer is neither "too many requests" nor a passing fault, waiting longer each time. */
    HttpReply patiently(Supplier<HttpReply> request, String act) {
        for (int attempt = 1; ; attempt++) {
            double seconds;
            try {
                HttpReply reply = request.get();
                if (reply.status() != 429 && reply.status() < 500 && reply.status() != 408 || attempt >= ATTEMPTS) {
                    return reply;
                }
                seconds = reply.status() == 429 ? threshold(reply.text()) : 1;
            } catch (TransientFailure e) {
                if (attempt >= ATTEMPTS) {
                    throw new TransientFailure("Cannot " + act + ": vast.ai does not answer (" + e.getMessage() + "). Check the network and vast.api-url.", e);
                }
                seconds = 1;
            }
            double jitter = 1 + ThreadLocalRandom.current().nextDouble(0.25);
            pause.pause(Duration.ofMillis((long) (1000 * Math.min(60, seconds * (1 << (attempt - 1)) * jitter))));
        }
    }

    /** The interval that the service wants between requests, in seconds. */
    static double threshold(String body) {
        Matcher matcher = THRESHOLD.matcher(body);
        return matcher.find() ? Double.parseDouble(matcher.group(1)) : USUAL_SECONDS;
    }

    /** The JSON of an answer that must have succeeded. */
    JsonNode body(HttpReply reply, String act) {
        refuseFailures(reply, act);
        JsonNode body = json(reply);
        if (body.isMissingNode()) {
            throw new FerryException("Cannot " + act + ": the answer of the vast.ai API is no JSON. Check vast.api-url, and whether a proxy answers in its place.");
        }
        if (body.path("success").isBoolean() && !body.path("success").asBoolean()) {
            throw new FerryException("Cannot " + act + ": vast.ai refused it" + said(reply) + ".");
        }
        return body;
    }

    /** Checks the answer to a change; an empty body with status 200 will do. */
    void accepted(HttpReply reply, String act) {
        if (reply.body().length == 0 && reply.status() / 100 == 2) {
            return;
        }
        body(reply, act);
    }

    /** An expired second-factor session comes as 404, which must not be taken for "no such instance". */
    boolean isExpiredSession(HttpReply reply) {
        return reply.status() == 404 && message(reply).toLowerCase(java.util.Locale.ROOT).contains("session expired");
    }

    private void refuseFailures(HttpReply reply, String act) {
        int status = reply.status();
        if (status / 100 == 2) {
            return;
        }
        String cannot = "Cannot " + act + ": ";
        if (isExpiredSession(reply)) {
            throw new FerryException(cannot + "the vast.ai session from " + key.origin() + " has expired. Log in again, or set VAST_API_KEY to a key that does not expire.");
        }
        throw switch (status) {
            case 400 -> new FerryException(cannot + "vast.ai does not accept the request" + said(reply) + ".");
            case 401 -> new FerryException(cannot + "vast.ai does not know the API key from " + key.origin() + said(reply) + ". Set VAST_API_KEY to a valid key.");
            case 403 -> new FerryException(cannot + "the API key from " + key.origin() + " is not allowed to" + said(reply)
                    + ". Use a key with the permissions instance_read and instance_write.");
            case 404 -> new FerryException(cannot + "vast.ai knows no such instance" + said(reply) + ". It was destroyed, or belongs to another account.");
            case 429 -> new TransientFailure(cannot + "vast.ai still says that requests come too often after " + ATTEMPTS + " attempts" + said(reply)
                    + ". Something else uses the same key; try again in a minute.");
            default -> status >= 500 || status == 408
                    ? new TransientFailure(cannot + "vast.ai has trouble of its own (HTTP " + status + said(reply) + "). Try again later.")
                    : new FerryException(cannot + "vast.ai answered HTTP " + status + said(reply) + ".");
        };
    }

    private String said(HttpReply reply) {
        String message = message(reply);
        return message.isEmpty() ? "" : " (it says: " + message + ")";
    }

    private String message(HttpReply reply) {
        JsonNode body = json(reply);
        String text = reply.text();
        for (String member : new String[] {"msg", "message", "detail", "error"}) {
            if (body.path(member).isTextual()) {
                text = body.path(member).asText();
                break;
            }
        }
        // A service, or a proxy before it, may echo what it was sent.
        text = text.replace(key.secret().reveal(), "***").replaceAll("\\p{Cntrl}+", " ").strip();
        return text.startsWith("<") ? "" : text.length() > 160 ? text.substring(0, 160) + "..." : text;
    }

    private static JsonNode json(HttpReply reply) {
        try {
            JsonNode node = JSON.readTree(reply.body());
            return node == null ? MissingNode.getInstance() : node;
        } catch (JsonProcessingException e) {
            return MissingNode.getInstance();
        } catch (java.io.IOException e) {
            return MissingNode.getInstance();
        }
    }
}
