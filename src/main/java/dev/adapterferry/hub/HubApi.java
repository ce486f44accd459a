package dev.adapterferry.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Pause;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The questions asked of the hub: which commit a revision is, and which files that commit has. Safe for many threads. */
public final class HubApi {
    private static final ObjectMapper JSON = JsonMapper.builder().build();
    private static final int ATTEMPTS = 4;
    private static final int REDIRECTS = 5;

    private final HttpCaller http;
    private final HubTerms terms;
    private final Pause pause;

    /**
     * @param http  sends requests
     * @param terms which hub
     */
    public HubApi(HttpCaller http, HubTerms terms) {
        this(http, terms, Pause.SLEEP);
    }

    HubApi(HttpCaller http, HubTerms terms, Pause pause) {
        this.http = http;
        this.terms = terms;
        this.pause = pause;
    }

    /** Which hub this asks. */
    public HubTerms terms() {
        return terms;
    }

    /**
     * Resolves a revision once; everything after it is fetched by the commit, so that a push in between cannot mix versions.
     *
     * @param repository {@code org/name}, or a bare legacy name
     * @param revision   branch, tag or commit
     * @throws FerryException    when there is no such thing, or access is refused, with a remedy
     * @throws TransientFailure when the hub does not answer
     */
    public HubVersion version(String repository, String revision) {
        String what = repository + (revision.equals("main") ? "" : " at " + revision);
        URI uri = URI.create(terms.endpoint() + "/api/models/" + path(repository) + "/revision/" + URLEncoder.encode(revision, StandardCharsets.UTF_8) + "?blobs=true");
        HttpReply reply = send("GET", uri, what, repository);
        JsonNode model;
        try {
            model = JSON.readTree(reply.body());
        } catch (IOException e) {
            model = null;
        }
        String commit = model == null ? "" : model.path("sha").asText("");
        if (!commit.matches("[0-9a-f]{40}") || !model.path("siblings").isArray()) {
            throw new FerryException("Cannot get " + what + " from " + terms.endpoint().getHost() + ": the answer names no commit and no files. Check hub.endpoint, and whether a proxy answers in its place.");
        }
        if (model.path("disabled").asBoolean(false)) {
            throw new FerryException("Cannot get " + what + " from " + terms.endpoint().getHost() + ": the repository is disabled. Take another copy of the model.");
        }
        List<FileEntry> files = new ArrayList<>();
        for (JsonNode sibling : model.path("siblings")) {
            entry(sibling).ifPresent(files::add);
        }
        return new HubVersion(repository, revision, commit, files);
    }

    /** A file as the listing tells of it; names that could leave a folder are left out, nobody could ask for them. */
    private static Optional<FileEntry> entry(JsonNode sibling) {
        String name = sibling.path("rfilename").asText("");
        if (name.isEmpty() || name.startsWith("/") || name.contains("\\") || name.chars().anyMatch(Character::isISOControl)
                || List.of(name.split("/", -1)).stream().anyMatch(p -> p.isEmpty() || p.equals(".") || p.equals(".."))) {
            return Optional.empty();
        }
        long size = sibling.path("lfs").path("size").asLong(sibling.path("size").asLong(-1));
        Optional<Checksum> checksum = digest(sibling.path("lfs").path("sha256").asText("")).or(() -> digest(sibling.path("blobId").asText("")));
        return Optional.of(checksum.map(c -> FileEntry.of(name, size, 0, c)).orElseGet(() -> FileEntry.of(name, size, 0)));
    }

    /** The digest that an ETag or a blob id is: 64 digits are the content's SHA-256, 40 are git's id of a small file. */
    static Optional<Checksum> digest(String text) {
        String hex = text.replaceFirst("^W/", "").replace("\"", "");
        if (hex.matches("[0-9a-fA-F]{64}")) {
            return Optional.of(Checksum.sha256(hex));
        }
        return hex.matches("[0-9a-fA-F]{40}") ? Optional.of(new Checksum(Checksum.Kind.GIT_BLOB, hex)) : Optional.empty();
    }

    /**
     * Size and digest of a file that the listing did not give, from the headers of its own address.
     *
     * @param version the commit
     * @param file    the file as listed
     */
    FileEntry complete(HubVersion version, FileEntry file) {
        if (file.size() >= 0 && file.checksum().isPresent()) {
            return file;
        }
        String what = file.name() + " of " + version.repository();
        HttpReply reply = send("HEAD", resolve(version, file.name()), what, version.repository());
        // A redirect's own Content-Length belongs to the redirect.
        Optional<String> length = reply.header("x-linked-size").or(() -> reply.status() / 100 == 2 ? reply.header("content-length") : Optional.empty());
        Optional<Checksum> checksum = reply.header("x-linked-etag").or(() -> reply.header("etag")).flatMap(HubApi::digest).or(file::checksum);
        long size = length.filter(l -> l.matches("\\d{1,18}")).map(Long::parseLong).orElse(file.size());
        if (size < 0) {
            throw new FerryException("Cannot get " + what + " from " + terms.endpoint().getHost() + ": it states no size for it. A mirror may leave that out; try the hub itself.");
        }
        return checksum.map(c -> FileEntry.of(file.name(), size, 0, c)).orElseGet(() -> FileEntry.of(file.name(), size, 0));
    }

    /** The address of a file of a commit. */
    URI resolve(HubVersion version, String file) {
        return URI.create(terms.endpoint() + "/" + path(version.repository()) + "/resolve/" + version.commit() + "/" + path(file));
    }

    private static String path(String path) {
        return String.join("/", List.of(path.split("/")).stream().map(p -> URLEncoder.encode(p, StandardCharsets.UTF_8).replace("+", "%20")).toList());
    }

    /** Sends until the hub has an answer that is worth having; follows redirects only to the hub itself, for a renamed repository. */
    private HttpReply send(String method, URI uri, String what, String repository) {
        int redirects = 0;
        for (int attempt = 1; ; attempt++) {
            HttpReply reply;
            try {
                reply = http.call(new HttpCall(method, uri, headers(), new byte[0], terms.timeout()));
            } catch (TransientFailure e) {
                if (attempt >= ATTEMPTS) {
                    throw new TransientFailure("Cannot get " + what + ": " + terms.endpoint().getHost() + " does not answer (" + e.getMessage() + "). Check the network, or work offline with hub.offline.", e);
                }
                pause.pause(Duration.ofSeconds(1L << (attempt - 1)));
                continue;
            }
            if (reply.status() / 100 == 2) {
                return reply;
            }
            if (reply.status() / 100 == 3) {
                URI target = redirect(uri, reply.header("location")).orElse(null);
                if (target != null && isHub(target) && redirects++ < REDIRECTS) {
                    uri = target;
                    attempt--;
                    continue;
                }
                if (method.equals("HEAD") && target != null) {
                    return reply; // the headers of the redirect to the storage are what was asked for
                }
            }
            FerryException refusal = HubRefusal.of(reply.status(), reply::header, what, terms.endpoint(), repository, terms.token().isPresent());
            if (!(refusal instanceof TransientFailure) || attempt >= ATTEMPTS) {
                throw refusal;
            }
            pause.pause(HubRefusal.wait(reply::header).orElse(Duration.ofSeconds(1L << (attempt - 1))));
        }
    }

    /** Where a redirect leads; empty when that is no web address. */
    static Optional<URI> redirect(URI from, Optional<String> location) {
        try {
            return location.map(from::resolve).filter(to -> to.getHost() != null && ("https".equals(to.getScheme()) || to.getScheme().equals(from.getScheme())));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Whether an address belongs to the hub, so that the token may go there. */
    boolean isHub(URI uri) {
        return isSameOrigin(terms.endpoint(), uri);
    }

    private static boolean isSameOrigin(URI a, URI b) {
        return a.getScheme().equalsIgnoreCase(b.getScheme()) && a.getHost().equalsIgnoreCase(b.getHost()) && a.getPort() == b.getPort() && b.getUserInfo() == null;
    }

    private Map<String, String> headers() {
        Map<String, String> headers = new HashMap<>(Map.of("User-Agent", "adapter-ferry", "Accept-Encoding", "identity"));
        terms.token().map(Secret::reveal).ifPresent(token -> headers.put("Authorization", "Bearer " + token));
        return headers;
    }
}
