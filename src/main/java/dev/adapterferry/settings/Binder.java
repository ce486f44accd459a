package dev.adapterferry.settings;

import dev.adapterferry.secret.Redaction;
import dev.adapterferry.secret.Secret;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fits a {@link Tree} into the {@link Shape} of the settings. Goes on after a wrong value, so that one reading tells everything
 * that is wrong. One binder, one reading.
 */
final class Binder {
    private static final Pattern REFERENCE = Pattern.compile("\\{\\{([a-z0-9.-]+)}}");

    private final Tree.Branch root;
    private final Scalars scalars;
    private final Interpolation interpolation;
    private final List<String> problems = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();
    private final Map<String, Origin> origins = new LinkedHashMap<>();
    private int unusable;

    Binder(Tree.Branch root, Scalars scalars, Interpolation interpolation) {
        this.root = root;
        this.scalars = scalars;
        this.interpolation = interpolation;
    }

    /** Reads everything. When {@link #problems()} is not empty afterwards, the result is worthless and may be null. */
    Settings bind() {
        return (Settings) bind(Shape.ROOT, null, root, "");
    }

    /** What was wrong, one sentence each. */
    List<String> problems() {
        return problems;
    }

    /** What is odd without being wrong, one sentence each. */
    List<String> warnings() {
        return warnings;
    }

    /** Where each value came from, by dotted key. */
    Map<String, Origin> origins() {
        return origins;
    }

    private Object bind(Shape shape, Setting setting, Tree tree, String key) {
        return switch (shape) {
            case Shape.Section section -> section(section, tree, key);
            case Shape.Table table -> table(table, setting, tree, key);
            case Shape.Items items -> items(items, setting, tree, key);
            case Shape.Single single -> single(single, setting, tree, key);
        };
    }

    private Object section(Shape.Section section, Tree tree, String key) {
        Map<String, Tree> given = children(tree, key, "a section with the keys " + String.join(", ", section.fields().keySet()));
        if (given == null) {
            return null;
        }
        given.forEach((name, child) -> {
            if (!section.fields().containsKey(name)) {
                problems.add(Unknown.key(key, name, child.origin(), section));
            }
        });
        int before = problems.size() + unusable;
        List<Object> values = new ArrayList<>();
        for (Shape.Field field : section.fields().values()) {
            values.add(field(field, given.get(field.key()), dotted(key, field.key())));
        }
        if (problems.size() + unusable > before) {
            return null;
        }
        try {
            return section.make(values);
        } catch (IllegalArgumentException e) {
            String place = tree == null ? "" : " in " + tree.origin();
            problems.add(Redaction.redact("Section " + key + place + ": " + e.getMessage() + "."));
            return null;
        }
    }

    /** A field that is not given takes its default, which may be the value of another setting. */
    private Object field(Shape.Field field, Tree tree, String key) {
        if (tree != null && !(tree instanceof Tree.Nothing)) {
            return bind(field.shape(), field.setting(), tree, key);
        }
        String otherwise = field.setting().def();
        Matcher reference = REFERENCE.matcher(otherwise);
        if (reference.matches()) {
            return borrowed(field, reference.group(1), key);
        }
        boolean none = otherwise.isEmpty() && !(field.shape() instanceof Shape.Single(Class<?> type, Shape.Presence presence) && type == String.class
                && presence == Shape.Presence.REQUIRED);
        return bind(field.shape(), field.setting(), none ? null : new Tree.Leaf(substituted(otherwise), Origin.DEFAULT), key);
    }

    /** A value taken over from another setting. When it is wrong, it is reported there and not again here. */
    private Object borrowed(Shape.Field field, String from, String key) {
        int before = problems.size();
        Object value = bind(field.shape(), field.setting(), effective(from), key);
        if (problems.size() > before) {
            problems.subList(before, problems.size()).clear();
            unusable++;
        }
        return value;
    }

    /** The node of another setting, or its default; null when it has neither. */
    private Tree effective(String key) {
        Tree tree = root;
        Shape shape = Shape.ROOT;
        Setting setting = null;
        for (String name : key.split("\\.")) {
            Shape.Field field = ((Shape.Section) shape).fields().get(name);
            tree = tree instanceof Tree.Branch branch ? branch.children().get(name) : null;
            shape = field.shape();
            setting = field.setting();
        }
        if (tree != null && !(tree instanceof Tree.Nothing)) {
            return tree;
        }
        Matcher reference = REFERENCE.matcher(setting.def());
        return reference.matches() ? effective(reference.group(1)) : setting.def().isEmpty() ? null : new Tree.Leaf(substituted(setting.def()), Origin.DEFAULT);
    }

    /** Fills references inside a longer default. */
    private String substituted(String text) {
        return REFERENCE.matcher(text).replaceAll(found -> Matcher.quoteReplacement(
                found.group(1).equals("home") ? scalars.home().toString() : ((Tree.Leaf) effective(found.group(1))).text()));
    }

    private Map<String, Object> table(Shape.Table table, Setting setting, Tree tree, String key) {
        Map<String, Tree> given = children(tree, key, "a section with names of your choice");
        Map<String, Object> values = new LinkedHashMap<>();
        if (given != null) {
            given.forEach((name, child) -> {
                if (table.value() instanceof Shape.Section && !Names.FOLDER.matcher(name).matches()) {
                    problems.add("Name '" + name + "' in " + child.origin()
                            + " cannot be used under " + key + ": use letters, digits, '.', '_' and '-', not beginning with a dot, at most 100.");
                    return;
                }
                values.put(name, bind(table.value(), setting, child, dotted(key, name)));
            });
        }
        return java.util.Collections.unmodifiableMap(values);
    }

    private Map<String, Tree> children(Tree tree, String key, String expected) {
        return switch (tree) {
            case null -> Map.of();
            case Tree.Nothing nothing -> Map.of();
            case Tree.Branch branch -> branch.children();
            default -> {
                problem(key, tree, expected);
                yield null;
            }
        };
    }

    private List<Object> items(Shape.Items items, Setting setting, Tree tree, String key) {
        List<Object> values = new ArrayList<>();
        switch (tree) {
            case null -> { }
            case Tree.Nothing nothing -> { }
            case Tree.Items given -> given.items().forEach(item -> values.add(single(items.item(), setting, item, key)));
            case Tree.Leaf leaf -> {
                String text = filled(leaf, key);
                for (String part : text == null ? new String[0] : setting.prose() ? new String[] {text} : text.split(",")) {
                    if (!part.isBlank()) {
                        values.add(parse(items.item(), setting, part.strip(), leaf, key));
                    }
                }
            }
            case Tree.Branch branch -> problem(key, tree, "a list");
        }
        origins.put(key, tree == null ? Origin.DEFAULT : tree.origin());
        return values.contains(null) ? List.of() : List.copyOf(values);
    }

    private Object single(Shape.Single single, Setting setting, Tree tree, String key) {
        Object value = null;
        if (tree instanceof Tree.Leaf leaf) {
            String text = filled(leaf, key);
            if (text != null && !(text.isBlank() && single.presence() != Shape.Presence.REQUIRED)) {
                value = parse(single, setting, text, leaf, key);
                origins.put(key, tree.origin());
                if (value instanceof Secret && leaf.origin().kind() == Origin.Kind.FILE && text.equals(leaf.text())) {
                    warnings.add("Setting " + key + " in " + leaf.origin() + " holds a secret in the open; write ${NAME} there and set the environment variable.");
                }
            }
        } else if (tree != null && !(tree instanceof Tree.Nothing)) {
            problem(key, tree, "a single value");
        }
        return switch (single.presence()) {
            case REQUIRED -> value;
            case OPTIONAL -> Optional.ofNullable(value);
            case OPTIONAL_LONG -> value == null ? OptionalLong.empty() : OptionalLong.of((long) value);
            case OPTIONAL_DOUBLE -> value == null ? OptionalDouble.empty() : OptionalDouble.of((double) value);
        };
    }

    private String filled(Tree.Leaf leaf, String key) {
        try {
            return interpolation.fill(leaf.text());
        } catch (IllegalArgumentException e) {
            problems.add("Setting " + key + " in " + leaf.origin() + " uses " + e.getMessage() + ".");
            return null;
        }
    }

    /** The message shows the text as written, before variables were filled in: these may hold secrets. */
    private Object parse(Shape.Single single, Setting setting, String text, Tree.Leaf leaf, String key) {
        try {
            return scalars.parse(single.type(), setting, text);
        } catch (IllegalArgumentException e) {
            problem(key, leaf, e.getMessage());
            return null;
        }
    }

    private void problem(String key, Tree found, String expected) {
        problems.add(Redaction.redact("Setting " + key + " in " + found.origin() + ": expected " + expected + ", found " + found.kind() + "."));
    }

    private static String dotted(String key, String name) {
        return key.isEmpty() ? name : key + "." + name;
    }
}
