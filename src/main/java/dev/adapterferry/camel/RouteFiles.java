package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * The files of a routes folder, and what can be said of them together before Camel builds them: ids that are taken twice, route
 * configurations and {@code direct:} endpoints that nobody defines (Camel would say so only when a message gets there).
 */
final class RouteFiles {
    private static final String ENDING = ".camel.yaml";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{([^{}:?]+)(:[^{}]*)?}}");
    private static final Set<String> SENDERS = Set.of("to", "toD", "wireTap", "enrich");

    private final List<RouteFile> files;

    private RouteFiles(List<RouteFile> files) {
        this.files = files;
    }

    /** Whether a file of the folder holds routes; what editors leave beside them (hidden files, backups, locks) does not. */
    static boolean isRouteFile(Path file) {
        String name = file.getFileName().toString();
        return name.endsWith(ENDING) && !name.startsWith(".") && !name.startsWith("#") && !name.startsWith("~");
    }

    /** The route files of a folder, sorted by name. */
    static List<Path> in(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new FerryException("Cannot find the routes: " + folder.toAbsolutePath() + " is no folder. Set routes.path, or start ferry from its installation.");
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(RouteFiles::isRouteFile).filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list the routes in " + folder + ": " + e.getMessage() + ".", e);
        }
    }

    /**
     * Reads a folder.
     *
     * @throws BrokenRoutes for the first file that is none
     */
    static RouteFiles read(Path folder) {
        List<Path> paths = in(folder);
        if (paths.isEmpty()) {
            throw new FerryException("There is no route file in " + folder.toAbsolutePath() + ": expected files named *" + ENDING + ".");
        }
        return new RouteFiles(paths.stream().map(RouteFile::read).toList());
    }

    /** The files, in order. */
    List<RouteFile> files() {
        return files;
    }

    /**
     * Checks what several files say of each other.
     *
     * @param properties what placeholders stand for
     * @throws BrokenRoutes for the first thing that does not fit
     */
    void check(Properties properties) {
        requireUniqueIds();
        Set<String> configurations = new HashSet<>();
        Set<String> direct = new HashSet<>();
        each((file, entry) -> {
            if (entry.kind().equals("routeConfiguration")) {
                entry.id().ifPresent(configurations::add);
            } else if (entry.kind().equals("route")) {
                consumed(entry.body(), properties, direct);
            }
        });
        each((file, entry) -> {
            RouteFile.find(entry.body(), "routeConfigurationId").ifPresent(named -> {
                for (String id : named.getValue().split(",")) {
                    if (!id.endsWith("*") && !configurations.contains(id.strip())) {
                        throw new BrokenRoutes(file.path(), RouteFile.line(named), "there is no route configuration '" + id.strip() + "'", null);
                    }
                }
            });
            targets(file, entry.body(), properties, direct);
        });
    }

    private interface Visit {
        void at(RouteFile file, RouteFile.Entry entry);
    }

    private void each(Visit visit) {
        files.forEach(file -> file.entries().forEach(entry -> visit.at(file, entry)));
    }

    private void requireUniqueIds() {
        Map<String, String> places = new HashMap<>();
        each((file, entry) -> entry.id().ifPresent(id -> {
            String before = places.putIfAbsent(id, file.path().getFileName() + ", line " + entry.line());
            if (before != null) {
                throw new BrokenRoutes(file.path(), entry.line(), "the id '" + id + "' is taken already (" + before + ")", null);
            }
        }));
    }

    /** Adds the {@code direct:} name that a route listens on. */
    private static void consumed(Node route, Properties properties, Set<String> direct) {
        if (!(route instanceof MappingNode mapping)) {
            return;
        }
        mapping.getValue().stream().filter(t -> t.getKeyNode() instanceof ScalarNode key && key.getValue().equals("from")).forEach(from -> {
            String uri = from.getValueNode() instanceof ScalarNode plain ? plain.getValue() : RouteFile.find(from.getValueNode(), "uri").map(ScalarNode::getValue).orElse("");
            if (uri.equals("direct") && from.getValueNode() instanceof MappingNode body) {
                body.getValue().stream().filter(t -> t.getKeyNode() instanceof ScalarNode key && key.getValue().equals("parameters"))
                        .forEach(t -> RouteFile.find(t.getValueNode(), "name").ifPresent(name -> direct.add("direct:" + filled(name.getValue(), properties))));
            } else {
                direct.add(plain(filled(uri, properties)));
            }
        });
    }

    private static void targets(RouteFile file, Node node, Properties properties, Set<String> direct) {
        switch (node) {
            case SequenceNode list -> list.getValue().forEach(item -> targets(file, item, properties, direct));
            case MappingNode mapping -> mapping.getValue().forEach(tuple -> {
                if (tuple.getKeyNode() instanceof ScalarNode key && SENDERS.contains(key.getValue())) {
                    ScalarNode uri = tuple.getValueNode() instanceof ScalarNode plain ? plain : RouteFile.find(tuple.getValueNode(), "uri").orElse(null);
                    String target = uri == null ? "" : plain(filled(uri.getValue(), properties));
                    if (target.startsWith("direct:") && !target.contains("${") && !direct.contains(target)) {
                        throw new BrokenRoutes(file.path(), RouteFile.line(uri), "no route listens on '" + target + "'", null);
                    }
                }
                targets(file, tuple.getValueNode(), properties, direct);
            });
            default -> { }
        }
    }

    private static String plain(String uri) {
        return uri.replaceFirst("\\?.*$", "").replaceFirst("^direct://", "direct:");
    }

    private static String filled(String text, Properties properties) {
        return PLACEHOLDER.matcher(text).replaceAll(found -> Matcher.quoteReplacement(properties.getProperty(found.group(1), found.group())));
    }

    /** All that is wrong with single files of a folder, one for each. */
    static List<BrokenRoutes> problems(Path folder) {
        List<BrokenRoutes> problems = new ArrayList<>();
        for (Path path : in(folder)) {
            try {
                RouteFile.read(path);
            } catch (BrokenRoutes e) {
                problems.add(e);
            }
        }
        return problems;
    }
}
