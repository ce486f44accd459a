package dev.adapterferry.camel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * One route file as a tree that knows its lines. Camel reads the file again by itself; this reading says where things stand.
 *
 * @param path    the file
 * @param entries its top-level entries, in order
 */
record RouteFile(Path path, List<Entry> entries) {
    private static final int LARGEST = 1 << 20;

    /**
     * A top-level entry: a route, a route configuration, a REST service.
     *
     * @param kind {@code route}, {@code routeConfiguration}, {@code rest}, ...
     * @param id   its id, if it has one
     * @param line where it or its id stands, from 1
     * @param body what is below it
     */
    record Entry(String kind, Optional<String> id, int line, Node body) { }

    /**
     * Reads a file.
     *
     * @throws BrokenRoutes when it is no list of route entries
     */
    static RouteFile read(Path path) {
        String text = text(path);
        Node root;
        try {
            root = new Composer(new ParserImpl(new StreamReader(text), new LoaderOptions()), new Resolver(), new LoaderOptions()).getSingleNode();
        } catch (MarkedYAMLException e) {
            throw new BrokenRoutes(path, e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1, "it is no YAML: " + e.getProblem(), e);
        } catch (YAMLException e) {
            throw new BrokenRoutes(path, 0, "it is no YAML: " + e.getMessage().lines().findFirst().orElse(""), e);
        }
        if (root == null) {
            throw new BrokenRoutes(path, 0, "the file is empty. Delete it if its routes are no longer wanted", null);
        }
        if (!(root instanceof SequenceNode list)) {
            throw new BrokenRoutes(path, line(root), "expected a list of '- route:' entries", null);
        }
        List<Entry> entries = new ArrayList<>();
        for (Node item : list.getValue()) {
            if (!(item instanceof MappingNode mapping) || mapping.getValue().size() != 1) {
                throw new BrokenRoutes(path, line(item), "expected one entry such as '- route:'", null);
            }
            NodeTuple only = mapping.getValue().getFirst();
            Optional<ScalarNode> id = find(only.getValueNode(), "id");
            entries.add(new Entry(((ScalarNode) only.getKeyNode()).getValue(), id.map(ScalarNode::getValue), id.map(node -> line(node)).orElse(line(item)), only.getValueNode()));
        }
        return new RouteFile(path, entries);
    }

    private static String text(Path path) {
        try {
            if (Files.size(path) > LARGEST) {
                throw new BrokenRoutes(path, 0, "it has " + Files.size(path) + " bytes; a route file has at most " + LARGEST, null);
            }
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(Files.readAllBytes(path))).toString();
            if (text.chars().anyMatch(c -> c < 0x20 && c != '\n' && c != '\r' && c != '\t')) {
                throw new BrokenRoutes(path, 0, "it holds control characters; a route file is YAML text", null);
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new BrokenRoutes(path, 0, "it is not UTF-8 text", e);
        } catch (IOException e) {
            throw new BrokenRoutes(path, 0, "it cannot be read: " + e.getMessage(), e);
        }
    }

    /** A scalar directly below a mapping. */
    static Optional<ScalarNode> find(Node node, String key) {
        return node instanceof MappingNode mapping ? mapping.getValue().stream().filter(t -> t.getKeyNode() instanceof ScalarNode k && k.getValue().equals(key))
                .map(NodeTuple::getValueNode).filter(ScalarNode.class::isInstance).map(ScalarNode.class::cast).findFirst() : Optional.empty();
    }

    /** Every scalar below a node, keys included, in the order of the file. */
    static void scalars(Node node, Consumer<ScalarNode> each) {
        switch (node) {
            case ScalarNode scalar -> each.accept(scalar);
            case SequenceNode list -> list.getValue().forEach(item -> scalars(item, each));
            case MappingNode mapping -> mapping.getValue().forEach(tuple -> {
                scalars(tuple.getKeyNode(), each);
                scalars(tuple.getValueNode(), each);
            });
            default -> { }
        }
    }

    /** The line of a node, from 1. */
    static int line(Node node) {
        return node.getStartMark().getLine() + 1;
    }
}
