package dev.adapterferry.camel;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Sends small HTTP exchanges through the route {@code call-http}, that is through Camel's HTTP component. */
final class CamelHttpCaller implements HttpCaller {
    private static final String ROUTE = "direct:call-http";

    private final Templates templates;

    CamelHttpCaller(Templates templates) {
        this.templates = templates;
    }

    @Override
    public HttpReply call(HttpCall call) {
        // Apart: the component's client reads from plain sockets.
        Exchange answer = Cancellation.current().apart(call.toString(), () -> templates.get().request(ROUTE, exchange -> {
            Message in = exchange.getMessage();
            call.headers().forEach(in::setHeader);
            in.setHeader(Exchange.HTTP_METHOD, call.method());
            in.setHeader(Exchange.HTTP_URI, call.uri().toString());
            in.setHeader("FerryTimeout", call.timeout().toMillis());
            in.setBody(call.body().length == 0 ? null : call.body());
        }));
        Exception failure = answer.getException();
        if (failure != null) {
            Cancellation.current().check(call.toString());
            throw new TransientFailure("No answer to " + call + ": " + reason(failure), failure);
        }
        Message out = answer.getMessage();
        Map<String, String> headers = new HashMap<>();
        out.getHeaders().forEach((name, value) -> {
            if (value != null && !name.startsWith("Camel") && !name.startsWith("Ferry")) {
                headers.putIfAbsent(name.toLowerCase(Locale.ROOT), value.toString());
            }
        });
        byte[] body = out.getBody(byte[].class);
        return new HttpReply(out.getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class), headers, body == null ? new byte[0] : body);
    }

    /** The innermost message that says something; Camel wraps the network's own words. */
    private static String reason(Throwable failure) {
        Throwable last = failure;
        while (last.getCause() != null && last.getCause() != last) {
            last = last.getCause();
        }
        if (last instanceof IOException || last.getMessage() != null) {
            return last.getMessage() == null ? last.getClass().getSimpleName() : last.getMessage();
        }
        return last.getClass().getSimpleName();
    }
}
