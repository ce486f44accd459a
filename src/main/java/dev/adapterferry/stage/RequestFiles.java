package dev.adapterferry.stage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Reads what people drop into the inbox: an empty file named after a model, or {@code NAME.yaml} with overrides. Everything
 * else is refused in words.
 */
public final class RequestFiles {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
    private static final Set<String> KEYS = new TreeSet<>(Set.of("model", "instance", "instance-id", "adapter", "base", "formats", "stages", "only", "from", "skip", "force"));
    private static final ObjectMapper YAML = new ObjectMapper(YAMLFactory.builder().enable(YAMLParser.Feature.EMPTY_STRING_AS_NULL).build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private RequestFiles() { }

    /**
     * Reads one file.
     *
     * @param settings which models there are, and how large a file may be
     * @param fileName plain name of the file
     * @param content  its bytes
     * @throws FerryException saying what is wrong with it
     */
    public static RunRequest read(Settings settings, String fileName, byte[] content) {
        if (!NAME.matcher(fileName).matches()) {
            throw new FerryException("Refusing the inbox file '" + printable(fileName) + "': a request is named after a model, with letters, digits, '.', '_' and '-'.");
        }
        if (content.length > settings.inbox().maxSize().bytes()) {
            throw new FerryException("Refusing the inbox file '" + fileName + "': it has " + content.length + " bytes, a request has at most " + settings.inbox().maxSize() + ".");
        }
        String text = text(fileName, content).strip();
        String model = settings.models().containsKey(fileName) ? fileName : fileName.replaceFirst("\\.(ya?ml|json|txt)$", "");
        JsonNode overrides = text.isEmpty() ? YAML.createObjectNode() : parse(fileName, text);
        String named = overrides.path("model").asText(model);
        settings.model(named);
        String instance = string(overrides, overrides.has("instance") ? "instance" : "instance-id");
        return new RunRequest(named, instance, string(overrides, "adapter"), string(overrides, "base"), list(fileName, overrides, "formats"),
                string(overrides, "only"), string(overrides, "from"), skipped(fileName, overrides), overrides.path("force").asBoolean(false), "inbox");
    }

    /** {@code stages} names those to run, {@code skip} those not to. */
    private static List<String> skipped(String fileName, JsonNode overrides) {
        List<String> skip = list(fileName, overrides, "skip");
        if (!overrides.hasNonNull("stages")) {
            return skip;
        }
        List<Stage> wanted = list(fileName, overrides, "stages").stream().map(RunRequest::stage).toList();
        if (wanted.isEmpty()) {
            throw new FerryException("Cannot read the inbox file '" + fileName + "': 'stages' names no stage.");
        }
        List<String> all = new ArrayList<>(skip);
        Arrays.stream(Stage.values()).filter(stage -> !wanted.contains(stage)).map(Stage::text).forEach(all::add);
        return all.stream().distinct().toList();
    }

    private static String text(String fileName, byte[] content) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
            if (text.chars().anyMatch(c -> c < 0x20 && c != '\n' && c != '\r' && c != '\t')) {
                throw new FerryException("Refusing the inbox file '" + fileName + "': it holds control characters, a request is YAML text or empty.");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new FerryException("Refusing the inbox file '" + fileName + "': it is not UTF-8 text. A request is YAML text or empty.", e);
        }
    }

    private static JsonNode parse(String fileName, String text) {
        JsonNode node;
        try {
            node = YAML.readTree(text);
        } catch (JsonProcessingException e) {
            throw new FerryException("Cannot read the inbox file '" + fileName + "'" + (e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr()) + ": it is no YAML: "
                    + e.getOriginalMessage().lines().findFirst().orElse(""), e);
        }
        if (!node.isObject()) {
            throw new FerryException("Cannot read the inbox file '" + fileName + "': expected lines such as 'formats: [Q4_K_M]', found " + node.getNodeType().toString().toLowerCase(java.util.Locale.ROOT) + ".");
        }
        node.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(key)) {
                throw new SettingsException("Cannot read the inbox file '" + fileName + "': unknown key '" + printable(key) + "'; known are " + String.join(", ", KEYS) + ".");
            }
        });
        return node;
    }

    private static String string(JsonNode node, String key) {
        return node.hasNonNull(key) ? node.get(key).asText() : null;
    }

    private static List<String> list(String fileName, JsonNode node, String key) {
        List<String> values = new ArrayList<>();
        JsonNode value = node.path(key);
        if (value.isArray()) {
            value.forEach(v -> values.add(v.asText()));
        } else if (value.isTextual()) {
            values.addAll(List.of(value.asText().split("\\s*,\\s*")));
        } else if (!value.isMissingNode() && !value.isNull()) {
            throw new FerryException("Cannot read the inbox file '" + fileName + "': '" + key + "' must be a list.");
        }
        return values;
    }

    private static String printable(String text) {
        String clean = text.replaceAll("\\p{Cntrl}", "?");
        return clean.length() > 80 ? clean.substring(0, 80) + "..." : clean;
    }
}
