package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.transfer.FileChanged;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Pause;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Opens byte ranges of files: asks the hub's own address each time, because the signed address that it redirects to does
 * not live long, and follows by hand, because the JDK's own following has sent the token along in some of its versions.
 */
final class HubHttp implements AutoCloseable {
    private static final int REDIRECTS = 6;
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

    private final HubApi api;
    private final HubTerms terms;
    private final HttpClient client;

    HubHttp(HubApi api) {
        this.api = api;
        this.terms = api.terms();
        // One connection per lane: over HTTP/2 all lanes would share a single one.
        this.client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(terms.timeout()).build();
    }

    /**
     * An open answer.
     *
     * @param from  offset in the file of the first byte that comes; 0 when the server ignored the range
     * @param until offset behind the last one
     * @param body  the bytes
     */
    record Piece(long from, long until, TimedBody body) implements AutoCloseable {
        @Override
        public void close() {
            body.close();
        }
    }

    /**
     * Opens a range of a file.
     *
     * @param version the commit
     * @param file    a file of it
     * @param from    first byte
     * @param until   offset behind the last byte
     * @throws IOException    when the network failed
     * @throws FerryException when the hub refuses
     */
    Piece open(HubVersion version, FileEntry file, long from, long until) throws IOException {
        String what = file.name() + " of " + version.repository();
        URI uri = api.resolve(version, file.name());
        for (int hop = 0; hop <= REDIRECTS; hop++) {
            boolean hub = api.isHub(uri);
            HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(terms.timeout()).header("User-Agent", "adapter-ferry")
                    .header("Accept-Encoding", "identity").header("Range", "bytes=" + from + "-" + (until - 1));
            if (hub) {
                terms.token().map(Secret::reveal).ifPresent(token -> request.header("Authorization", "Bearer " + token));
            }
            HttpResponse<Flow.Publisher<List<java.nio.ByteBuffer>>> answer = send(request.build(), uri);
            Function<String, Optional<String>> header = answer.headers()::firstValue;
            if (hub) {
                requireSame(version, file, header, what);
            }
            if (answer.statusCode() == 206 || answer.statusCode() == 200) {
                return piece(answer, header, file, from, what);
            }
            drop(answer);
            if (answer.statusCode() / 100 == 3) {
                URI at = uri;
                uri = HubApi.redirect(uri, header.apply("location")).orElseThrow(() -> new FerryException("Cannot get " + what + " from " + at.getHost()
                        + ": it redirects to an address that is none, or that is not encrypted. Look at hub.endpoint, and at proxies in between."));
                continue;
            }
            if (answer.statusCode() == 416) {
                throw new FileChanged("Cannot get " + what + " from " + uri.getHost() + ": it has fewer than the " + file.size() + " bytes that the hub states.");
            }
            if (!hub && answer.statusCode() < 500) {
                // A signed address that has run out, or a storage that does not like it: the hub gives a new one next time.
                throw new IOException(uri.getHost() + " answered HTTP " + answer.statusCode());
            }
            FerryException refusal = HubRefusal.of(answer.statusCode(), header, what, terms.endpoint(), version.repository(), terms.token().isPresent());
            if (refusal instanceof TransientFailure) {
                HubRefusal.wait(header).ifPresent(Pause.SLEEP::pause);
            }
            throw refusal;
        }
        throw new FerryException("Cannot get " + what + " from " + terms.endpoint().getHost() + ": it redirects without end. Look at hub.endpoint, and at proxies in between.");
    }

    private HttpResponse<Flow.Publisher<List<java.nio.ByteBuffer>>> send(HttpRequest request, URI uri) throws IOException {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofPublisher());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (IOException e) {
            throw new IOException(uri.getHost() + ": " + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()), e);
        }
    }

    private Piece piece(HttpResponse<Flow.Publisher<List<java.nio.ByteBuffer>>> answer, Function<String, Optional<String>> header, FileEntry file, long from, String what) throws IOException {
        if (header.apply("content-encoding").filter(e -> !e.equalsIgnoreCase("identity")).isPresent()) {
            drop(answer);
            throw new FerryException("Cannot get " + what + ": the server sends it encoded although it was asked not to, so its bytes cannot be counted. A proxy may do that; go around it.");
        }
        long start = 0;
        long end = file.size();
        if (answer.statusCode() == 206) {
            Matcher range = RANGE.matcher(header.apply("content-range").orElse(""));
            if (!range.matches() || Long.parseLong(range.group(1)) != from) {
                drop(answer);
                throw new IOException("the server sent another range than it was asked for");
            }
            if (!range.group(3).equals("*") && Long.parseLong(range.group(3)) != file.size()) {
                drop(answer);
                throw new FileChanged("Cannot get " + what + ": the server says that it has " + range.group(3) + " bytes, the hub says " + file.size() + ".");
            }
            start = from;
            end = Long.parseLong(range.group(2)) + 1;
        }
        TimedBody body = new TimedBody(terms.timeout());
        answer.body().subscribe(body);
        return new Piece(start, end, body);
    }

    /** What the hub itself says about the file must still be what the listing said; absent headers (a mirror's) prove nothing. */
    private static void requireSame(HubVersion version, FileEntry file, Function<String, Optional<String>> header, String what) {
        Optional<String> commit = header.apply("x-repo-commit");
        if (commit.isPresent() && !commit.get().equals(version.commit())) {
            throw new FileChanged("Cannot get " + what + ": asked for commit " + version.commit() + ", the hub answers with " + commit.get() + ".");
        }
        Optional<dev.adapterferry.transfer.Checksum> linked = header.apply("x-linked-etag").flatMap(HubApi::digest);
        if (linked.isPresent() && file.checksum().isPresent() && linked.get().kind() == file.checksum().get().kind() && !linked.equals(file.checksum())) {
            throw new FileChanged("Cannot get " + what + ": the hub listed it with " + file.checksum().get().hex() + " and now offers " + linked.get().hex() + ".");
        }
    }


    @Override
    public void close() {
        client.shutdownNow();
    }

    /** Lets go of an answer whose body nobody wants. */
    private static void drop(HttpResponse<Flow.Publisher<List<java.nio.ByteBuffer>>> answer) {
        TimedBody body = new TimedBody(Duration.ZERO);
        answer.body().subscribe(body);
        body.close();
    }
}
