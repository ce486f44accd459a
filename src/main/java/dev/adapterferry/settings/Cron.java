package dev.adapterferry.settings;

import java.util.regex.Pattern;

/**
 * A Quartz schedule: six or seven fields, seconds first ({@code 0 0/10 * * * ?} is every ten minutes). Only its form is checked
 * here; Quartz judges the rest.
 *
 * @param text the expression
 */
public record Cron(String text) {
    private static final Pattern FIELD = Pattern.compile("[0-9A-Za-z*?,/#-]+");

    /** Refuses what has the form of a Unix crontab line or of no schedule at all. */
    public Cron {
        text = text.strip();
        String[] fields = text.split("\\s+");
        boolean form = fields.length == 6 || fields.length == 7;
        for (String field : fields) {
            form &= FIELD.matcher(field).matches();
        }
        if (!form) {
            throw new IllegalArgumentException("a Quartz schedule of six or seven fields, seconds first (such as '0 0/10 * * * ?')");
        }
    }

    @Override
    public String toString() {
        return text;
    }
}
