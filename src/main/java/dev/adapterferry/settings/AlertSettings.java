package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Who hears what: section {@code alerts}. */
public record AlertSettings(
        @Setting(value = "What is told.", def = "finished, failed, rolled-back, stopped, unhealthy, recovered, refused") List<Event> on,
        @Setting(value = "The same thing about the same model is not told again within this time.", def = "5m") Duration throttle,
        @Setting(value = "Time limit of one delivery.", def = "15s") Duration timeout,
        @Setting("Slack.") Slack slack,
        @Setting("Discord.") Discord discord,
        @Setting("E-mail.") Email email,
        @Setting("Any other receiver: a JSON document by POST.") Webhook webhook) {

    /** Whether an event of this kind is to be told, and somebody is there to hear it. */
    public boolean reach(Event event) {
        return on.contains(event) && (slack.enabled() || discord.enabled() || email.enabled() || webhook.enabled());
    }

    /** What people can be told. */
    public enum Event {
        /** A run began. */
        STARTED,
        /** A run ended well. */
        FINISHED,
        /** A run failed for good. */
        FAILED,
        /** A release was taken back. */
        ROLLED_BACK,
        /** A rented instance was stopped or destroyed. */
        STOPPED,
        /** A deployed model no longer answers as it should. */
        UNHEALTHY,
        /** A deployed model answers again, or better than before. */
        RECOVERED,
        /** A request, an edited route or a settings file was refused. */
        REFUSED;

        /** The name in settings, tables and messages: {@code rolled-back}. */
        public String text() {
            return Names.kebab(name());
        }
    }

    /** A Slack webhook. */
    public record Slack(
            @Setting(value = "Whether Slack is told.", def = "false") boolean enabled,
            @Setting(value = "Address of the incoming webhook.", def = "${SLACK_WEBHOOK_URL:}") Optional<Secret> webhookUrl,
            @Setting("Channel, where the webhook allows to choose one; without it the channel that the webhook was made for.") Optional<String> channel,
            @Setting("Who is mentioned on failure: `here`, `channel`, or a member id such as `U012AB3CD`.") Optional<String> mentionOnFailure) {

        /** Refuses to be on without an address. */
        public Slack {
            Names.requireAddress(enabled, webhookUrl.isPresent(), "webhook-url");
        }
    }

    /** A Discord webhook. */
    public record Discord(
            @Setting(value = "Whether Discord is told.", def = "false") boolean enabled,
            @Setting(value = "Address of the webhook.", def = "${DISCORD_WEBHOOK_URL:}") Optional<Secret> webhookUrl,
            @Setting("Who is mentioned on failure: `here`, `everyone`, or a user id.") Optional<String> mentionOnFailure) {

        /** Refuses to be on without an address. */
        public Discord {
            Names.requireAddress(enabled, webhookUrl.isPresent(), "webhook-url");
        }
    }

    /** Mail by SMTP. */
    public record Email(
            @Setting(value = "Whether mail is sent.", def = "false") boolean enabled,
            @Setting(value = "SMTP server.", def = "localhost") String smtpHost,
            @Setting(value = "SMTP port.", def = "587", min = 1, max = 65535) int smtpPort,
            @Setting(value = "How the connection is protected.", def = "starttls") Security security,
            @Setting("Login name.") Optional<String> user,
            @Setting(value = "Password.", def = "${SMTP_PASSWORD:}") Optional<Secret> password,
            @Setting(value = "Sender.", def = "${EMAIL_FROM:}") Optional<String> from,
            @Setting(value = "Receivers.", def = "${EMAIL_TO:}") List<String> to) {

        /** Refuses to be on without sender and receiver. */
        public Email {
            Names.requireAddress(enabled, from.isPresent(), "from");
            Names.requireAddress(enabled, !to.isEmpty(), "to");
        }
    }

    /** How a mail connection is protected. */
    public enum Security { NONE, STARTTLS, TLS }

    /** A receiver of plain JSON. */
    public record Webhook(
            @Setting(value = "Whether the receiver is told.", def = "false") boolean enabled,
            @Setting("Address.") Optional<Secret> url,
            @Setting("Bearer token sent with each alert.") Optional<Secret> token) {

        /** Refuses to be on without an address. */
        public Webhook {
            Names.requireAddress(enabled, url.isPresent(), "url");
        }
    }
}
