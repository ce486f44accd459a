package dev.adapterferry.settings;

import java.util.List;
import java.util.Map;

/** Says about a key that does not exist what was probably meant. */
final class Unknown {
    /** Sections of the original pipeline's settings, and what they are called here. */
    private static final Map<String, String> FORMER = Map.ofEntries(
            Map.entry("quantization", "quantize"), Map.entry("deployment", "deploy"), Map.entry("health-check", "health"),
            Map.entry("notifications", "alerts"), Map.entry("logging", "log"), Map.entry("evaluation", "evaluate"),
            Map.entry("output-path", "source.path"), Map.entry("base-model", "base"), Map.entry("context-size", "context-length"),
            Map.entry("port", "endpoint"), Map.entry("keep-backups", "deploy.keep"), Map.entry("max-response-time", "health.max-latency"),
            Map.entry("max-retries", "health.retries"), Map.entry("save-merged-hf", "merge.save"), Map.entry("retention-days", "retention.logs"));

    private Unknown() { }

    /** The sentence about an unknown key. */
    static String key(String section, String name, Origin origin, Shape.Section known) {
        String full = section.isEmpty() ? name : section + "." + name;
        return "Unknown setting " + full + " in " + origin + meant(section, name, known);
    }

    private static String meant(String section, String name, Shape.Section known) {
        String prefix = section.isEmpty() ? "" : section + ".";
        String kebab = name.replace('_', '-').toLowerCase(java.util.Locale.ROOT);
        if (known.fields().containsKey(kebab)) {
            return "; did you mean " + prefix + kebab + "?";
        }
        String former = FORMER.get(kebab);
        if (former != null && !(prefix + former).equals(prefix + name)) {
            return "; here it is called " + (known.fields().containsKey(former) ? prefix + former : former) + ".";
        }
        return Nearest.to(name, known.fields().keySet()).map(near -> "; did you mean " + prefix + near + "?")
                .or(() -> elsewhere(kebab).stream().findFirst().map(place -> "; did you mean " + place + "?"))
                .orElseGet(() -> "; " + (section.isEmpty() ? "the sections are " : section + " has ") + String.join(", ", known.fields().keySet()) + ".");
    }

    /** Keys of the same name in other sections. */
    private static List<String> elsewhere(String name) {
        return Reference.rows().stream().map(Reference.Row::key).filter(key -> key.endsWith("." + name)).toList();
    }
}
