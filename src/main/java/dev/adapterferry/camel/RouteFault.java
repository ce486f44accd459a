package dev.adapterferry.camel;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.FailedToCreateRouteException;
import org.apache.camel.FailedToStartRouteException;

/**
 * Finds the file and the line that a failure of Camel is about. Its YAML reader says both; what fails later, when a route is built,
 * names the route and the word at fault, and the word is looked up in the files.
 */
final class RouteFault {
    private static final Pattern MARK = Pattern.compile("in (?:file:)?(\\S+), line (\\d+), column");
    /** The word at fault in Camel's messages; the first group is looked up in the files. */
    private static final List<Pattern> WORDS = List.of(Pattern.compile("No endpoint could be found for: ([a-z0-9+.-]+):"), Pattern.compile("Unknown parameters=\\[\\{([^=}]+)="), Pattern.compile("binding property \\(([^=)]+)="),
            Pattern.compile("Method with name: (\\S+)"), Pattern.compile("in the registry for: (\\S+)"), Pattern.compile("component with scheme: (\\S+)"),
            Pattern.compile("key \\[([^\\]]+)]"), Pattern.compile("CronExpression '([^']+)'"), Pattern.compile("detected: (\\S+?)\\. "), Pattern.compile("\\{\\{([^}]+)}}"), Pattern.compile("'([^'\\s]+)'"));

    private final RouteFiles files;
    private final Path folder;

    RouteFault(RouteFiles files, Path folder) {
        this.files = files;
        this.folder = folder;
    }

    /** A line of a file. */
    private record Place(Path file, int line) { }

    /** The failure with its place. */
    BrokenRoutes explain(Throwable failure) {
        String route = null;
        Throwable last = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause() == cause ? null : cause.getCause()) {
            Matcher mark = MARK.matcher(String.valueOf(cause.getMessage()));
            if (mark.find()) {
                return new BrokenRoutes(Path.of(mark.group(1)), Integer.parseInt(mark.group(2)), cause.getMessage().lines().findFirst().orElse(""), failure);
            }
            route = cause instanceof FailedToCreateRouteException create && create.getRouteId() != null ? create.getRouteId()
                    : cause instanceof FailedToStartRouteException start && start.getRouteId() != null ? start.getRouteId() : route;
            // What Camel says names the thing; what lies below it may be an index out of bounds.
            last = cause.getMessage() != null && cause.getClass().getName().startsWith("org.apache.camel") ? cause : last;
        }
        String reason = reason(last);
        String within = route;
        Optional<String> word = word(messages(failure));
        Optional<Place> place = word.flatMap(known -> mentioned(known, within)).or(() -> word.flatMap(known -> mentioned(known, null))).or(() -> entry(within));
        return new BrokenRoutes(place.map(Place::file).orElse(folder), place.map(Place::line).orElse(0), reason, failure);
    }

    private static String messages(Throwable failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause() == cause ? null : cause.getCause()) {
            text.insert(0, cause.getMessage() + "\n");
        }
        return text.toString();
    }

    /** The sentence of the innermost failure; Camel repeats "Failed to resolve endpoint" at every level above. */
    private static String reason(Throwable failure) {
        String text = String.valueOf(failure.getMessage()).lines().findFirst().orElse("").strip();
        int doubled = text.lastIndexOf(" due to: ");
        return doubled < 0 ? text : text.substring(doubled + " due to: ".length());
    }

    private static Optional<String> word(String messages) {
        return WORDS.stream().map(pattern -> pattern.matcher(messages)).filter(Matcher::find).map(found -> found.group(1)).findFirst();
    }

    /** Where a word stands: in one route, or, since error handling is built with the route that uses it, in any file (null). */
    private Optional<Place> mentioned(String word, String route) {
        return files.files().stream().flatMap(file -> file.entries().stream().filter(entry -> route == null || entry.id().filter(route::equals).isPresent())
                .flatMap(entry -> mentions(file, entry, word).stream())).findFirst();
    }

    private Optional<Place> entry(String route) {
        return files.files().stream().flatMap(file -> file.entries().stream().filter(entry -> entry.id().isPresent() && entry.id().get().equals(route))
                .map(entry -> new Place(file.path(), entry.line()))).findFirst();
    }

    private static Optional<Place> mentions(RouteFile file, RouteFile.Entry entry, String word) {
        Pattern whole = Pattern.compile("(?<![A-Za-z0-9_.-])" + Pattern.quote(word) + "(?![A-Za-z0-9_-])");
        AtomicReference<Place> found = new AtomicReference<>();
        RouteFile.scalars(entry.body(), scalar -> {
            if (found.get() == null && whole.matcher(scalar.getValue()).find()) {
                found.set(new Place(file.path(), RouteFile.line(scalar)));
            }
        });
        return Optional.ofNullable(found.get());
    }
}
