package dev.adapterferry.alert;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.secret.Redaction;
import java.util.Locale;
import java.util.Optional;

/** An alert in the form of each receiver. Every text that leaves here is redacted, and none of it can call people or draw links by itself. */
public final class Messages {
    /** Discord refuses longer texts. */
    private static final int DISCORD_LIMIT = 2000;
    /** Slack cuts longer texts off. */
    private static final int SLACK_LIMIT = 4000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private Messages() { }

    /**
     * The text of a Slack message: {@code &}, {@code <} and {@code >} escaped as Slack demands, with a mention in front when there
     * is trouble.
     *
     * @param mention {@code here}, {@code channel}, {@code everyone} or a member id; empty for nobody
     * @see <a href="https://docs.slack.dev/messaging/formatting-message-text">Formatting message text</a>
     */
    public static String slackText(Alert alert, Optional<String> mention) {
        String text = cut(text(alert), SLACK_LIMIT - 1000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
        return mention.filter(who -> alert.isTrouble()).map(who -> slackMention(who) + " ").orElse("") + text;
    }

    /**
     * The body of a post to a Slack webhook.
     *
     * @param channel channel to choose, where the webhook allows that
     * @param mention see {@link #slackText}
     */
    public static String slack(Alert alert, Optional<String> channel, Optional<String> mention) {
        ObjectNode message = JSON.createObjectNode().put("text", slackText(alert, mention)).put("unfurl_links", false);
        channel.ifPresent(name -> message.put("channel", name));
        return write(message);
    }

    /**
     * The body of a post to a Discord webhook. Only the mention that was asked for can call anybody, whatever the text holds.
     *
     * @param mention {@code here}, {@code everyone} or a user id; empty for nobody
     * @see <a href="https://discord.com/developers/docs/resources/webhook#execute-webhook">Execute webhook</a>
     */
    public static String discord(Alert alert, Optional<String> mention) {
        Optional<String> who = mention.filter(name -> alert.isTrouble()).map(Messages::bare);
        boolean everybody = who.isPresent() && (who.get().equals("here") || who.get().equals("everyone"));
        String call = who.map(name -> everybody ? "@" + name + " " : "<@" + name + "> ").orElse("");
        ObjectNode message = JSON.createObjectNode().put("content", cut(call + text(alert).replaceAll("([\\\\*_~`|>#\\[\\]])", "\\\\$1"), DISCORD_LIMIT));
        ObjectNode allowed = message.putObject("allowed_mentions");
        allowed.putArray("parse").addAll(everybody ? JSON.createArrayNode().add("everyone") : JSON.createArrayNode());
        if (who.isPresent() && !everybody) {
            allowed.putArray("users").add(who.get());
        }
        return write(message);
    }

    /** The subject of a mail: one line, not too long. */
    public static String mailSubject(Alert alert) {
        String stage = alert.fact("stage").isEmpty() ? "" : " in " + alert.fact("stage");
        String about = alert.model().orElseGet(() -> alert.fact("what"));
        return cut(("[ferry] " + about + " " + alert.kind().text().replace('-', ' ') + stage).replaceAll("\\s+", " "), 120);
    }

    /** The body of a mail, plain text: the sentence, then the facts. */
    public static String mailBody(Alert alert) {
        StringBuilder body = new StringBuilder(text(alert)).append("\n\n");
        alert.model().ifPresent(model -> body.append("model: ").append(model).append('\n'));
        alert.run().ifPresent(run -> body.append("run: ").append(run).append('\n'));
        alert.facts().forEach((name, value) -> body.append(name).append(": ").append(Redaction.redact(String.valueOf(value))).append('\n'));
        alert.run().ifPresent(run -> body.append("\nMore: ferry logs ").append(run).append('\n'));
        return body.toString();
    }

    /** The body of a post to any other receiver: {@code kind}, {@code model}, {@code run}, {@code time}, {@code sentence}, {@code trouble}, {@code facts}. */
    public static String webhook(Alert alert) {
        ObjectNode message = JSON.createObjectNode().put("kind", alert.kind().text());
        alert.model().ifPresent(model -> message.put("model", model));
        alert.run().ifPresent(run -> message.put("run", run));
        message.put("time", alert.time().toString()).put("sentence", text(alert)).put("trouble", alert.isTrouble());
        message.set("facts", JSON.valueToTree(alert.facts()));
        return Redaction.redact(write(message));
    }

    private static String text(Alert alert) {
        return Redaction.redact(alert.sentence());
    }

    private static String slackMention(String who) {
        String name = bare(who);
        return switch (name) {
            case "here", "channel", "everyone" -> "<!" + name + ">";
            default -> name.startsWith("S") ? "<!subteam^" + name + ">" : "<@" + name + ">";
        };
    }

    /** {@code @here} and {@code <@U012>} mean the same as {@code here} and {@code U012}. */
    private static String bare(String who) {
        String name = who.replaceAll("[^A-Za-z0-9]", "");
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "here", "channel", "everyone" -> name.toLowerCase(Locale.ROOT);
            default -> name;
        };
    }

    private static String cut(String text, int most) {
        return text.length() <= most ? text : text.substring(0, Character.isHighSurrogate(text.charAt(most - 2)) ? most - 2 : most - 1) + "…";
    }

    private static String write(ObjectNode message) {
        try {
            return JSON.writeValueAsString(message);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of texts and numbers can be written", e);
        }
    }
}
