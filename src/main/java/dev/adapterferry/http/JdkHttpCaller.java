package dev.adapterferry.http;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** {@link HttpCaller} over the JDK's client, for commands that run without Camel. */
public final class JdkHttpCaller implements HttpCaller {
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    @Override
    public HttpReply call(HttpCall call) {
        HttpRequest.Builder request = HttpRequest.newBuilder(call.uri()).timeout(call.timeout())
                .method(call.method(), call.body().length == 0 ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(call.body()));
        call.headers().forEach(request::setHeader);
        try {
            HttpResponse<byte[]> response = Cancellation.current().interrupting(call.toString(), () -> client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
            Map<String, String> headers = new HashMap<>();
            response.headers().map().forEach((name, values) -> headers.put(name.toLowerCase(java.util.Locale.ROOT), values.getFirst()));
            return new HttpReply(response.statusCode(), headers, response.body());
        } catch (IOException e) {
            throw new TransientFailure("No answer to " + call + ": " + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()), e);
        }
    }
}
