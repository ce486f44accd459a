package dev.adapterferry.deploy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.gguf.ModelUse;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Programs that ask a deployed model, ready to run and to copy from: {@code ask.sh} (bash and curl), {@code ask.py} (Python
 * 3, standard library only), {@code Ask.java} (one source file, {@code java Ask.java}). Each takes the question as its
 * argument, sends the model's system prompt and temperature, and ends with an error where no answer comes; of a model that makes
 * vectors they ask for the vector of their argument, of one that makes scores for those of texts against a query. A token is taken from the environment variable {@code LM_API_TOKEN}, never written down.
 */
public final class ClientCode {
    // ASCII only: the result is then a valid literal in Python and Java as well, whatever the prompt holds.
    private static final JsonMapper ASCII = JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private static final Pattern MARK = Pattern.compile("@(MODEL|URL_SHELL|HEAD_SHELL|URL|HEAD)@");

    private final URI endpoint;

    /** @param endpoint the server, without {@code /v1} */
    public ClientCode(URI endpoint) {
        this.endpoint = URI.create(endpoint.toString().replaceAll("/+$", "").replaceAll("/v1$", ""));
    }

    /**
     * Writes the three programs.
     *
     * @param directory where to, made when it is missing
     * @param profile   the model
     * @param modelId   id to ask with
     * @param use       what the model is asked for
     * @return the files
     */
    public List<Path> write(Path directory, ModelProfile profile, String modelId, ModelUse use) {
        // The text follows as a JSON string, then the end.
        String url = endpoint + switch (use) {
            case ANSWERS, REPLIES, FILLS -> "/v1/chat/completions";
            case VECTORS -> "/v1/embeddings";
            case SCORES -> "/v1/rerank";
        };
        String head = "{\"model\":" + literal(modelId) + switch (use) {
            case ANSWERS, REPLIES, FILLS -> conversation(profile);
            case VECTORS -> ",\"input\":";
            case SCORES -> ",\"query\":";
        };
        String folder = use == ModelUse.VECTORS ? "vectors/" : use == ModelUse.SCORES ? "scores/" : "";
        Map<String, String> values = Map.of("@MODEL@", profile.model(), "@URL_SHELL@", shell(url), "@HEAD_SHELL@", shell(head), "@URL@", literal(url), "@HEAD@", literal(head));
        List<Path> files = new ArrayList<>();
        for (String name : List.of("ask.sh", "ask.py", "Ask.java")) {
            Path file = directory.resolve(name);
            // In one pass: a system prompt may hold what looks like a mark.
            Durable.write(file, MARK.matcher(template(folder + name)).replaceAll(mark -> Matcher.quoteReplacement(values.get(mark.group()))));
            if (!name.endsWith(".java")) {
                makeExecutable(file);
            }
            files.add(file);
        }
        return files;
    }

    private static String conversation(ModelProfile profile) {
        String system = profile.system().isEmpty() ? "" : "{\"role\":\"system\",\"content\":" + literal(profile.system()) + "},";
        return ",\"temperature\":" + profile.temperature() + ",\"top_p\":1,\"stream\":false,\"messages\":[" + system + "{\"role\":\"user\",\"content\":";
    }

    /** A string literal of JSON, Python and Java alike. */
    static String literal(String text) {
        try {
            return ASCII.writeValueAsString(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** One word of a POSIX shell. */
    static String shell(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }

    private static void makeExecutable(Path file) {
        try {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
        } catch (IOException | UnsupportedOperationException e) {
            // Windows asks for no such mark.
        }
    }

    private static String template(String name) {
        try (InputStream in = ClientCode.class.getResourceAsStream("clients/" + name + ".txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new FerryException("Cannot read the template of " + name + ".", e);
        }
    }
}
