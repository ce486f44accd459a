package dev.adapterferry.camel;

import dev.adapterferry.settings.AlertSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SourceSettings;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * What routes see as <code>{{...}}</code>: every effective setting under its dotted key, and a few values that follow from
 * several of them.
 */
final class RouteProperties {
    private static final int LARGEST_REQUEST = 64 * 1024;

    /** Everything is built, nothing starts, and no port of the settings is touched. */
    static final Map<String, String> REHEARSAL = Map.ofEntries(Map.entry("camel.main.autoStartup", "false"), Map.entry("camel.main.routesExcludePattern", "none"),
            Map.entry("camel.server.enabled", "true"), Map.entry("camel.server.host", "127.0.0.1"), Map.entry("camel.server.port", "0"),
            Map.entry("camel.management.enabled", "true"), Map.entry("camel.management.host", "127.0.0.1"), Map.entry("camel.management.port", "0"),
            Map.entry("daemon.enabled", "true"), Map.entry("watch-folder.enabled", "true"), Map.entry("scheduled-pull.enabled", "true"), Map.entry("probe-models.enabled", "true"));

    /** As Camel's Quartz component reads times. */
    private static final DateTimeFormatter SINCE = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss'UTC'").withZone(ZoneOffset.UTC);

    private RouteProperties() { }

    /**
     * @param settings the settings in force
     * @param daemon   true for the daemon; a single command runs the passage only, without the ways in
     */
    static Properties of(Settings settings, boolean daemon) {
        Properties properties = new Properties();
        settings.flat().forEach((key, value) -> properties.setProperty(key, value.text()));
        properties.setProperty("daemon.enabled", Boolean.toString(daemon));
        properties.setProperty("watch-folder.enabled", Boolean.toString(daemon && settings.inbox().enabled()));
        properties.setProperty("scheduled-pull.enabled", Boolean.toString(daemon));
        // A schedule that begins where it last looked makes up for what it missed, by one look.
        for (String schedule : List.of("scheduled-pull", "scheduled-look")) {
            properties.setProperty(schedule + ".since", SINCE.format(Looks.last(settings.home(), schedule)));
        }
        boolean probing = daemon && !settings.health().every().isZero();
        properties.setProperty("probe-models.enabled", Boolean.toString(probing));
        properties.setProperty("probe-models.period", Long.toString(Math.max(1000, settings.health().every().toMillis())));
        properties.setProperty("failed.path", settings.failed().toString());
        properties.setProperty("alerts.endpoint", "seda:alerts");
        mail(settings.alerts(), properties);
        properties.setProperty("source.s3.client", s3Client(settings.source().s3()));
        boolean http = daemon && settings.http().enabled();
        properties.setProperty("camel.server.enabled", Boolean.toString(http));
        properties.setProperty("camel.server.host", settings.http().host());
        properties.setProperty("camel.server.port", Integer.toString(settings.http().port()));
        properties.setProperty("camel.server.maxBodySize", Integer.toString(LARGEST_REQUEST));
        // Health and metrics live on the same server as the API, never on one of their own on every interface.
        properties.setProperty("camel.management.enabled", Boolean.toString(http));
        properties.setProperty("camel.management.host", settings.http().host());
        properties.setProperty("camel.management.port", Integer.toString(settings.http().port()));
        properties.setProperty("camel.opentelemetry2.enabled", "false");
        if (!http) {
            properties.setProperty("camel.main.routesExcludePattern", "**/http-api.camel.yaml");
        }
        return properties;
    }

    /** The S3 component's options: without a key of our own it looks where Amazon's tools look. */
    private static String s3Client(SourceSettings.S3 s3) {
        String keys = s3.accessKey().isPresent() && s3.secretKey().isPresent()
                ? "&accessKey=RAW(" + s3.accessKey().get().reveal() + ")&secretKey=RAW(" + s3.secretKey().get().reveal() + ")" : "&useDefaultCredentialsProvider=true";
        String endpoint = s3.endpoint().map(uri -> "&overrideEndpoint=true&uriEndpointOverride=" + uri).orElse("");
        return "region=" + s3.region() + "&forcePathStyle=" + s3.pathStyle() + endpoint + keys;
    }

    /** What a mail connection needs beyond its settings. Never in the open when the settings ask for protection. */
    private static void mail(AlertSettings alerts, Properties properties) {
        AlertSettings.Email mail = alerts.email();
        properties.setProperty("alerts.mail-scheme", mail.security() == AlertSettings.Security.TLS ? "smtps" : "smtp");
        properties.setProperty("alerts.mail-starttls", Boolean.toString(mail.security() == AlertSettings.Security.STARTTLS));
        properties.setProperty("alerts.mail-timeout", Long.toString(alerts.timeout().toMillis()));
        // RAW: these may hold what means something in an address.
        mail.user().ifPresent(user -> properties.setProperty("alerts.mail-user", "RAW(" + user + ")"));
        mail.password().ifPresent(password -> properties.setProperty("alerts.mail-password", "RAW(" + password.reveal() + ")"));
    }
}
