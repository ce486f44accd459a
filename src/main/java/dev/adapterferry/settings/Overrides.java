package dev.adapterferry.settings;

import dev.adapterferry.failure.SettingsException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Lays environment variables and command line options over what the file says. */
final class Overrides {
    /** Variables of the launcher and of defaults; they are no settings. */
    private static final Set<String> OTHER = Set.of("FERRY_CONFIG", "FERRY_DIST", "FERRY_NO_AOT", "FERRY_JAVA_HOME", "FERRY_JAVA_OPTS", "FERRY_OPTS", "FERRY_INSTALLATION");

    private final Tree.Branch root;

    Overrides(Tree.Branch root) {
        this.root = root;
    }

    /** The variable that overrides a key: {@code health.load-timeout} is {@code FERRY_HEALTH_LOAD_TIMEOUT}. */
    static String variable(String key) {
        return "FERRY_" + key.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
    }

    /**
     * Lays the {@code FERRY_…} variables over the file.
     *
     * @return a sentence for each variable that names no setting: likely a slip, yet perhaps somebody else's, so no error
     */
    List<String> environment(Map<String, String> environment) {
        Map<String, String> keys = new HashMap<>();
        for (Reference.Row row : Reference.rows()) {
            if (row.key().startsWith("models.<name>.")) {
                names("models").forEach(name -> keys.put(variable(row.key().replace("<name>", name)), row.key().replace("<name>", name)));
            } else if (!row.key().contains("<name>")) {
                keys.put(variable(row.key()), row.key());
            }
        }
        List<String> unknown = new ArrayList<>();
        environment.forEach((variable, text) -> {
            if (!variable.startsWith("FERRY_") || OTHER.contains(variable)) {
                return;
            }
            String key = keys.get(variable);
            if (key == null) {
                unknown.add("Environment variable " + variable + " names no setting" + Nearest.to(variable, keys.keySet()).map(near -> "; did you mean " + near + "?").orElse("."));
            } else {
                put(key, YamlReader.value(text, Origin.variable(variable)));
            }
        });
        return unknown;
    }

    /** Lays dotted keys from the command line over all else; unknown ones are found when the settings are read. */
    void commandLine(Map<String, String> options) {
        new TreeMap<>(options).forEach((key, text) -> put(key, YamlReader.value(text, Origin.option(key))));
    }

    private void put(String key, Tree value) {
        Tree.Branch section = root;
        String rest = key;
        for (int dot = cut(section, rest); dot > 0; dot = cut(section, rest)) {
            String name = rest.substring(0, dot);
            Tree child = section.children().get(name);
            if (child == null || child instanceof Tree.Nothing) {
                child = new Tree.Branch(value.origin());
                section.children().put(name, child);
            }
            if (!(child instanceof Tree.Branch branch)) {
                throw new SettingsException("Setting " + key + " from the " + value.origin() + " does not fit: '" + name + "' in " + child.origin() + " is " + child.kind() + ", not a section.");
            }
            section = branch;
            rest = rest.substring(dot + 1);
        }
        section.children().put(rest, value);
    }

    /** Where the first name of a dotted key ends. Names may hold dots ({@code qwen2.5}), so names in the file go first, the longest before others. */
    private static int cut(Tree.Branch section, String key) {
        return section.children().keySet().stream().filter(name -> key.startsWith(name + ".")).max(Comparator.comparingInt(String::length))
                .map(String::length).orElse(key.indexOf('.'));
    }

    private Set<String> names(String section) {
        return root.children().get(section) instanceof Tree.Branch branch ? branch.children().keySet() : Set.of();
    }
}
