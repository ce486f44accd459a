package dev.adapterferry.settings;

import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code ${NAME}} and {@code ${NAME:otherwise}} in a value: an environment variable, or a system property when there is a dot
 * in the name ({@code ${user.home}}). A variable that is set but empty counts as not set. {@code $${} stands for itself.
 */
final class Interpolation {
    private static final Pattern PLACE = Pattern.compile("\\$?\\$\\{([A-Za-z_][A-Za-z0-9_.]*)(?::([^{}]*))?}");

    private final UnaryOperator<String> environment;

    /** @param environment gives a variable's value, or null */
    Interpolation(UnaryOperator<String> environment) {
        this.environment = environment;
    }

    /**
     * Fills the places in.
     *
     * @throws IllegalArgumentException when a variable without a substitute is not set; the message names it
     */
    String fill(String text) {
        if (!text.contains("${")) {
            return text;
        }
        Matcher matcher = PLACE.matcher(text);
        StringBuilder filled = new StringBuilder();
        while (matcher.find()) {
            matcher.appendReplacement(filled, Matcher.quoteReplacement(matcher.group().startsWith("$$") ? matcher.group().substring(1) : value(matcher)));
        }
        return matcher.appendTail(filled).toString();
    }

    private String value(Matcher place) {
        String name = place.group(1);
        String value = name.contains(".") ? System.getProperty(name) : environment.apply(name);
        if (value != null && !value.isEmpty()) {
            return value;
        }
        if (place.group(2) == null) {
            throw new IllegalArgumentException((name.contains(".") ? "system property " : "environment variable ") + name
                    + ", which is not set; set it, or write ${" + name + ":} if it may be missing");
        }
        return place.group(2);
    }
}
