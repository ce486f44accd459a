package dev.adapterferry.secret;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Masks secrets in text. It knows every {@link Secret} of this process, in the spellings in which libraries print them (as
 * it is, URL-encoded, JSON-escaped), and the shapes of the tokens that the ferry meets even when nobody told it their value.
 *
 * <p>Static, because the log encoder is made before any settings are read and must mask what becomes known later.
 */
public final class Redaction {
    /** Shorter texts are not searched for: a password "ferry" would be masked in every path, and what is stored would no longer fit. */
    static final int SHORTEST = 6;
    private static final int SHORTEST_PATH = 12;

    /**
     * Token shapes; the group stays readable, the rest is masked. A backslash ends each, so that JSON stays JSON; lengths are
     * bounded, so that no text makes the search slow. Tokens of the hub and its like are long and hold a digit, which keeps names
     * such as {@code hf_internal-testing} readable.
     */
    private static final Pattern SHAPES = Pattern.compile(
            "((?i:authorization)\"?\\s*[:=]\\s*\"?(?i:bearer|basic)\\s+|(?i:bearer)\\s+)[A-Za-z0-9._~+/=-]{8,}"
            + "|(https://hooks\\.slack\\.com/(?:services|workflows|triggers)/)[^\\s\"'<>|\\\\]+"
            + "|(https://(?:[a-z]+\\.)?discord(?:app)?\\.com/api/(?:v\\d+/)?webhooks/)[^\\s\"'<>|\\\\]+"
            + "|\\b(hf_|sk-lm-|sk-|xox[abprs]-)(?=[A-Za-z0-9:_-]{20})[A-Za-z0-9:_-]{0,300}?[0-9][A-Za-z0-9:_-]*"
            + "|(\\b[a-z][a-z0-9+.-]{0,20}://[^\\s/:@\"'\\\\]{0,200}:)[^\\s/@\"'\\\\]{1,500}(?=@)"
            + "|([?&](?:api_key|token|access_token|password|X-Amz-Signature|Signature)=)[^&\\s\"'<>\\\\]+");

    /** Longest first, so that a secret which contains another one is masked whole. */
    private static volatile List<String> known = List.of();

    private Redaction() { }

    /**
     * Makes a text known as secret.
     *
     * @param secret the text; ignored when shorter than six characters
     */
    static synchronized void register(String secret) {
        if (secret.length() < SHORTEST || known.contains(secret)) {
            return;
        }
        List<String> all = new ArrayList<>(known);
        int path = secret.contains("://") ? secret.indexOf('/', secret.indexOf("://") + 3) : -1;
        if (path > 0 && secret.length() - path >= SHORTEST_PATH) {
            // An HTTP client speaks of host and path apart; the path is what opens a webhook.
            all.add(secret.substring(path));
        }
        for (String spelling : List.of(secret, URLEncoder.encode(secret, StandardCharsets.UTF_8), jsonEscaped(secret))) {
            if (!all.contains(spelling)) {
                all.add(spelling);
            }
        }
        all.sort(Comparator.comparingInt(String::length).reversed());
        known = List.copyOf(all);
    }

    /**
     * Masks every known secret and everything of a secret's shape.
     *
     * @param text a message, a line of a log, JSON; may be null
     * @return the text with {@code ***} in place of secrets; JSON stays JSON
     */
    public static String redact(String text) {
        if (text == null || text.isEmpty()) {
            return text;
        }
        String masked = text;
        for (String secret : known) {
            masked = masked.replace(secret, Secret.MASK);
        }
        return mayHoldToken(masked) ? SHAPES.matcher(masked).replaceAll(found -> {
            for (int group = 1; group <= found.groupCount(); group++) {
                if (found.group(group) != null) {
                    return java.util.regex.Matcher.quoteReplacement(found.group(group) + Secret.MASK);
                }
            }
            return Secret.MASK;
        }) : masked;
    }

    /** The pattern is slow on long lines; nearly none of them holds one of these marks. */
    private static boolean mayHoldToken(String text) {
        return text.contains("://") || text.contains("earer") || text.contains("EARER") || text.contains("asic ") || text.contains("hf_")
                || text.contains("sk-") || text.contains("xox") || text.contains("=");
    }

    private static String jsonEscaped(String text) {
        StringBuilder escaped = new StringBuilder();
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"', '\\' -> escaped.append('\\').append(c);
                case '\n' -> escaped.append("\\n");
                case '\t' -> escaped.append("\\t");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }
}
