package dev.adapterferry.settings;

import dev.adapterferry.failure.SettingsException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * YAML text to a {@link Tree} that remembers lines. Values stay text ({@code on} is the key "on", not a truth value); a key
 * given twice is refused; {@code <<:} takes over another mapping. Input is bounded in depth and size, so that no file can
 * exhaust the memory.
 */
final class YamlReader {
    private static final int DEEPEST = 30;
    private static final int MOST_NODES = 100_000;

    private final String name;
    private final IntFunction<Origin> origins;
    private int nodes;

    private YamlReader(String name, IntFunction<Origin> origins) {
        this.name = name;
        this.origins = origins;
    }

    /** Reads a settings file; an empty one gives an empty branch. */
    static Tree.Branch read(Path file) {
        String text;
        try {
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new SettingsException("No settings file " + file + ".", e);
        } catch (MalformedInputException e) {
            throw new SettingsException("Cannot read the settings in " + file + ": it is not UTF-8 text.", e);
        } catch (IOException e) {
            throw new SettingsException("Cannot read the settings in " + file + ": " + e.getMessage() + ".", e);
        }
        Tree tree = new YamlReader(file.toString(), line -> Origin.line(file, line)).parse(text);
        return switch (tree) {
            case null -> new Tree.Branch(Origin.line(file, 1));
            case Tree.Nothing nothing -> new Tree.Branch(nothing.origin());
            case Tree.Branch branch -> branch;
            default -> throw new SettingsException("Cannot read the settings in " + file + ": expected 'key: value' lines, found " + tree.kind() + ".");
        };
    }

    /** Reads a value given outside a file: flow notation for lists and mappings, otherwise the text as it is. */
    static Tree value(String text, Origin origin) {
        String stripped = text.strip();
        return stripped.startsWith("[") || stripped.startsWith("{") && stripped.contains(":")
                ? new YamlReader(origin.toString(), line -> origin).parse(text) : new Tree.Leaf(text, origin);
    }

    private Tree parse(String text) {
        try {
            LoaderOptions options = new LoaderOptions();
            options.setNestingDepthLimit(DEEPEST);
            // The parts that make nodes, without Yaml's machinery for objects: half the time of a cold start.
            Node root = new Composer(new ParserImpl(new StreamReader(text), options), new Resolver(), options).getSingleNode();
            return root == null ? null : tree(root, 0);
        } catch (MarkedYAMLException e) {
            int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
            throw new SettingsException("Cannot read the settings in " + name + ", line " + line + ": " + e.getProblem() + ".", e);
        } catch (YAMLException e) {
            throw new SettingsException("Cannot read the settings in " + name + ": " + e.getMessage() + ".", e);
        }
    }

    private Tree tree(Node node, int depth) {
        Origin origin = origins.apply(node.getStartMark().getLine() + 1);
        if (depth > DEEPEST || ++nodes > MOST_NODES) {
            throw new SettingsException("Cannot read the settings in " + origin + ": the file is nested too deep or refers to itself.");
        }
        return switch (node) {
            case ScalarNode scalar -> scalar.getTag().equals(Tag.NULL) ? new Tree.Nothing(origin) : new Tree.Leaf(scalar.getValue(), origin);
            case SequenceNode sequence -> {
                List<Tree> items = new ArrayList<>();
                for (Node item : sequence.getValue()) {
                    Tree value = tree(item, depth + 1);
                    if (value instanceof Tree.Nothing) {
                        throw new SettingsException("Cannot read the settings in " + value.origin() + ": an item of the list is empty.");
                    }
                    items.add(value);
                }
                yield new Tree.Items(items, origin);
            }
            case MappingNode mapping -> branch(mapping, origin, depth);
            default -> throw new IllegalStateException("no YAML node: " + node);
        };
    }

    private Tree.Branch branch(MappingNode mapping, Origin origin, int depth) {
        Tree.Branch branch = new Tree.Branch(origin);
        Tree.Branch taken = new Tree.Branch(origin);
        for (NodeTuple entry : mapping.getValue()) {
            Origin place = origins.apply(entry.getKeyNode().getStartMark().getLine() + 1);
            if (!(entry.getKeyNode() instanceof ScalarNode key)) {
                throw new SettingsException("Cannot read the settings in " + place + ": a key must be a name.");
            }
            Tree value = tree(entry.getValueNode(), depth + 1);
            if (key.getTag().equals(Tag.MERGE)) {
                if (value instanceof Tree.Branch other) {
                    taken.children().putAll(other.children());
                    continue;
                }
                throw new SettingsException("Cannot read the settings in " + place + ": '<<' must name one section.");
            }
            if (branch.children().containsKey(key.getValue())) {
                throw new SettingsException("Setting '" + key.getValue() + "' in " + place + " is given twice.");
            }
            branch.children().put(key.getValue(), at(value, place));
        }
        taken.children().forEach(branch.children()::putIfAbsent);
        return branch;
    }

    /** A leaf's line is its key's: block texts start one line later, and people look for the key. */
    private static Tree at(Tree value, Origin place) {
        return value instanceof Tree.Leaf leaf ? new Tree.Leaf(leaf.text(), place) : value;
    }
}
