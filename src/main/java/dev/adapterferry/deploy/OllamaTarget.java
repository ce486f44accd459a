package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * An Ollama server: each format becomes the tag {@code <model>:<format>}, the primary one {@code <model>:latest} too, with
 * system prompt, temperature and context stored in the model. The server may rewrite the file, so what it stores is checked
 * by what {@code /api/show} says, not by digest.
 *
 * @see <a href="https://github.com/ollama/ollama/blob/main/docs/api.md">Ollama API</a>
 */
public final class OllamaTarget implements Target {
    private static final Duration SHORT = Duration.ofSeconds(30);

    private final URI server;
    private final HttpCaller caller;
    private final Duration limit;
    private final String template;
    private final HttpClient uploads = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    /**
     * @param server   {@code http://127.0.0.1:11434}
     * @param caller   sends everything but the files
     * @param limit    for one upload, and for one create
     * @param template Go template of the chat, or null to let the server take the one of the file
     */
    public OllamaTarget(URI server, HttpCaller caller, Duration limit, String template) {
        this.server = URI.create(server.toString().replaceAll("/+$", ""));
        this.caller = caller;
        this.limit = limit;
        this.template = template;
    }

    @Override
    public String name() {
        return "Ollama at " + server;
    }

    @Override
    public void check() {
        JsonNode version = json(call("GET", "/api/version", null, SHORT));
        if (!version.path("version").isTextual()) {
            throw new FerryException(server + " is no Ollama: GET /api/version did not tell a version.");
        }
    }

    @Override
    public void remove(ModelProfile profile) {
        tags(name(profile)).stream().filter(name -> isOurs(name, profile) || name.equalsIgnoreCase(name(profile) + ":latest")).forEach(this::delete);
    }

    @Override
    public void put(Release release, Path files, ModelProfile profile) {
        check();
        List<String> before = tags(name(profile));
        Release.File primary = profile.primaryOf(release);
        // All uploads first: until they are done, the server goes on with what it has.
        release.files().forEach(file -> upload(files.resolve(file.name()), file.sha256()));
        for (Release.File file : release.files()) {
            String tag = tag(profile, file);
            create(tag, file, profile);
            verify(tag, file, profile);
        }
        copy(tag(profile, primary), name(profile) + ":latest");
        List<String> wanted = new ArrayList<>(release.files().stream().map(file -> tag(profile, file)).toList());
        wanted.add(name(profile) + ":latest");
        before.stream().filter(name -> wanted.stream().noneMatch(name::equalsIgnoreCase)).filter(name -> isOurs(name, profile)).forEach(this::delete);
    }

    /** Ollama compares names without regard to case. */
    private static String name(ModelProfile profile) {
        return profile.folder().toLowerCase(Locale.ROOT);
    }

    private static String tag(ModelProfile profile, Release.File file) {
        return name(profile) + ":" + (file.format().isEmpty() ? "file" : file.format().toLowerCase(Locale.ROOT));
    }

    /** Tags of this model that look like formats; others were made by somebody else. */
    private static boolean isOurs(String name, ModelProfile profile) {
        return name.toLowerCase(Locale.ROOT).matches(Pattern.quote(name(profile)) + ":(i?q\\d.*|f16|bf16|f32|mxfp4.*|file)");
    }

    private List<String> tags(String model) {
        List<String> names = new ArrayList<>();
        json(call("GET", "/api/tags", null, SHORT)).path("models").forEach(entry -> {
            String name = entry.path("name").asText();
            if (name.toLowerCase(Locale.ROOT).startsWith(model + ":")) {
                names.add(name);
            }
        });
        return names;
    }

    private void upload(Path file, String sha256) {
        String path = "/api/blobs/sha256:" + sha256.toLowerCase(Locale.ROOT);
        int status = call("HEAD", path, null, SHORT).status();
        if (status == 200) {
            // The server would answer without reading the body, which looks like a broken connection.
            return;
        }
        if (status != 404) {
            throw new FerryException(name() + " does not say whether it has " + file.getFileName() + ": HEAD " + path + " answered " + status + ".");
        }
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(server + path)).timeout(limit).POST(HttpRequest.BodyPublishers.ofFile(file)).build();
            HttpResponse<String> response = Cancellation.current().interrupting("sending " + file.getFileName() + " to " + name(), () -> uploads.send(request, HttpResponse.BodyHandlers.ofString()));
            if (response.statusCode() != 201 && response.statusCode() != 200) {
                throw failure("did not take " + file.getFileName(), response.statusCode(), response.body());
            }
        } catch (IOException e) {
            throw new TransientFailure("Sending " + file + " to " + name() + " broke off: " + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()) + ".", e);
        }
    }

    private void create(String tag, Release.File file, ModelProfile profile) {
        ObjectNode body = ReleaseStore.JSON.createObjectNode().put("model", tag);
        body.putObject("files").put(file.name(), "sha256:" + file.sha256());
        if (!profile.system().isEmpty()) {
            body.put("system", profile.system());
        }
        if (template != null) {
            body.put("template", template);
        }
        body.putObject("parameters").put("temperature", profile.temperature()).put("num_ctx", profile.context());
        HttpReply reply = call("POST", "/api/create", body, limit);
        String last = "";
        for (String line : reply.text().split("\n")) {
            JsonNode node = parse(line);
            // An error in mid-stream arrives under status 200.
            if (node.has("error")) {
                throw failure("did not create '" + tag + "'", reply.status() == 200 ? 400 : reply.status(), line);
            }
            last = node.path("status").asText(last);
        }
        if (reply.status() != 200 || !last.equals("success")) {
            throw failure("did not finish creating '" + tag + "': the last line was '" + last + "', not 'success'", reply.status(), reply.text());
        }
    }

    private void verify(String tag, Release.File file, ModelProfile profile) {
        JsonNode shown = json(call("POST", "/api/show", ReleaseStore.JSON.createObjectNode().put("model", tag), SHORT));
        String level = shown.path("details").path("quantization_level").asText("");
        if (!level.isEmpty() && !level.equalsIgnoreCase("unknown") && !file.format().isEmpty() && !level.equalsIgnoreCase(file.format())) {
            throw new FerryException(name() + " shows '" + tag + "' as " + level + ", deployed was " + file.format() + ".");
        }
        if (!shown.path("system").asText("").equals(profile.system())) {
            throw new FerryException(name() + " shows another system prompt of '" + tag + "' than was sent.");
        }
        Map<String, String> parameters = new HashMap<>();
        shown.path("parameters").asText("").lines().map(line -> line.strip().split("\\s+", 2)).filter(parts -> parts.length == 2).forEach(parts -> parameters.put(parts[0], parts[1]));
        String context = parameters.get("num_ctx");
        String temperature = parameters.get("temperature");
        if (context == null || Double.parseDouble(context) != profile.context() || temperature == null || Double.parseDouble(temperature) != profile.temperature()) {
            throw new FerryException(name() + " shows '" + tag + "' with context " + context + " and temperature " + temperature + "; sent were " + profile.context() + " and " + profile.temperature() + ".");
        }
    }

    private void copy(String from, String to) {
        ObjectNode body = ReleaseStore.JSON.createObjectNode().put("source", from).put("destination", to);
        HttpReply reply = call("POST", "/api/copy", body, SHORT);
        if (reply.status() != 200) {
            throw failure("did not copy '" + from + "' to '" + to + "'", reply.status(), reply.text());
        }
    }

    private void delete(String tag) {
        HttpReply reply = call("DELETE", "/api/delete", ReleaseStore.JSON.createObjectNode().put("model", tag), SHORT);
        if (reply.status() != 200 && reply.status() != 404) {
            throw failure("did not delete '" + tag + "'", reply.status(), reply.text());
        }
    }

    private HttpReply call(String method, String path, ObjectNode body, Duration time) {
        URI uri = URI.create(server + path);
        return caller.call(body == null ? new HttpCall(method, uri, Map.of(), new byte[0], time) : HttpCall.json(method, uri, Map.of(), body.toString(), time));
    }

    private JsonNode json(HttpReply reply) {
        if (reply.status() != 200) {
            throw failure("did not answer", reply.status(), reply.text());
        }
        return parse(reply.text());
    }

    private static JsonNode parse(String text) {
        try {
            return ReleaseStore.JSON.readTree(text);
        } catch (IOException e) {
            return ReleaseStore.JSON.createObjectNode();
        }
    }

    private FerryException failure(String what, int status, String text) {
        String error = parse(text).path("error").asText(text.strip());
        String sentence = name() + " " + what + " (" + status + "): " + (error.length() > 300 ? error.substring(0, 300) + "..." : error);
        return status == 429 || status >= 500 ? new TransientFailure(sentence) : new FerryException(sentence);
    }
}
