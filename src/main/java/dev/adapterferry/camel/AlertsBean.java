package dev.adapterferry.camel;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.alert.Messages;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.settings.AlertSettings;
import dev.adapterferry.stage.AlertDesk;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The bean {@code alerts} of the routes: words an event, and puts it in the form of each channel. */
public final class AlertsBean {
    private final AlertSettings settings;
    private final AlertDesk desk;
    private final HttpCaller http;
    private final Templates templates;

    AlertsBean(AlertSettings settings, AlertDesk desk, HttpCaller http, Templates templates) {
        this.templates = templates;
        this.settings = settings;
        this.desk = desk;
        this.http = http;
    }

    /** Body: an {@link Alert}, or anything when the headers say what happened. Leaves the alert as body, or null when nobody wants to hear it (again). */
    public void compose(Exchange exchange) {
        Message message = exchange.getMessage();
        if (message.getBody() instanceof Alert alert) {
            message.setBody(desk.wanted(alert).orElse(null));
            return;
        }
        AlertDesk.Happening happening = new AlertDesk.Happening(message.getHeader(FerryHeaders.ALERT, String.class), message.getHeader(FerryHeaders.RUN, String.class),
                message.getHeader(FerryHeaders.MODEL, String.class), message.getHeader(FerryHeaders.STAGE, String.class), message.getHeader(FerryHeaders.REASON, String.class),
                what(message));
        message.setBody(desk.word(happening).orElse(null));
    }

    /** Sends the text through Slack's component, with a mention on trouble. */
    public void slack(Exchange exchange) {
        String text = Messages.slackText(alert(exchange), settings.slack().mentionOnFailure());
        Exchange sent = templates.get().send("direct:slack-webhook", copy -> copy.getMessage().setBody(text));
        if (sent.getException() != null) {
            throw new TransientFailure("Sending an alert to Slack: " + RouteGeneration.innermost(sent.getException()), sent.getException());
        }
    }

    /** Posts to Discord. */
    public void discord(Exchange exchange) {
        post("Discord", settings.discord().webhookUrl(), Optional.empty(), Messages.discord(alert(exchange), settings.discord().mentionOnFailure()));
    }

    /** Posts to the plain receiver. */
    public void webhook(Exchange exchange) {
        post("the webhook", settings.webhook().url(), settings.webhook().token(), Messages.webhook(alert(exchange)));
    }

    /** Leaves the mail's text as body and its subject in the headers. */
    public void mail(Exchange exchange) {
        Alert alert = alert(exchange);
        exchange.getMessage().setHeader("Subject", Messages.mailSubject(alert));
        exchange.getMessage().setBody(Messages.mailBody(alert));
    }

    private void post(String receiver, Optional<Secret> address, Optional<Secret> token, String json) {
        Map<String, String> headers = token.map(t -> Map.of("Authorization", "Bearer " + t.reveal())).orElse(Map.of());
        HttpReply reply = http.call(HttpCall.json("POST", URI.create(address.orElseThrow().reveal()), headers, json, settings.timeout()));
        if (reply.status() == 429 || reply.status() >= 500) {
            throw new TransientFailure("Sending an alert to " + receiver + ": it answered " + reply.status() + ".");
        }
        if (reply.status() >= 300) {
            throw new FerryException("Sending an alert to " + receiver + ": it answered " + reply.status() + ". Check the address.");
        }
    }

    private static String what(Message message) {
        String file = message.getHeader(FerryHeaders.FILE, String.class);
        return file == null ? "a request" : "the inbox file '" + file.replaceAll("\\p{Cntrl}", "?") + "'";
    }

    private static Alert alert(Exchange exchange) {
        return exchange.getMessage().getBody(Alert.class);
    }
}
