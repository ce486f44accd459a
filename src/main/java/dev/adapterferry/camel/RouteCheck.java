package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Checks route files as the daemon would take them, without starting anything, and says what they hold. */
public final class RouteCheck {
    private RouteCheck() { }

    /**
     * A route as its file has it.
     *
     * @param id          the route's id
     * @param file        its file
     * @param line        where it stands
     * @param description what it does
     */
    public record Listed(String id, Path file, int line, String description) { }

    /**
     * What is wrong with the files of a folder: every file that cannot be read, else the first thing that cannot be built.
     *
     * @param settings     the settings that routes refer to
     * @param installation holds {@code config/application.properties}
     * @return nothing when the daemon would take them
     */
    public static List<BrokenRoutes> problems(Settings settings, Path installation) {
        Path folder = settings.routes().path();
        List<BrokenRoutes> problems = new ArrayList<>(RouteFiles.problems(folder));
        if (problems.isEmpty()) {
            try {
                rehearse(settings, installation);
            } catch (BrokenRoutes e) {
                problems.add(e);
            }
        }
        return problems;
    }

    /** With a ledger in memory and an inbox that is gone afterwards: nothing of the user's is touched. */
    private static void rehearse(Settings settings, Path installation) {
        try {
            Path inbox = Files.createTempDirectory("ferry-validate-");
            try (Wiring wiring = new Wiring(() -> settings, Ledger.open("jdbc:sqlite::memory:", Optional.empty(), Optional.empty(), Duration.ofMinutes(1)), Progress.NONE, UnaryOperator.identity())) {
                RouteGeneration.rehearse(new RouteGeneration.Parts(settings.routes().path(), installation.resolve("config").resolve("application.properties"),
                        RouteProperties.of(settings, true), wiring.beans(settings), new HttpGuard(Optional.empty()), new RunFollowers(wiring.ledger())).with(Map.of("inbox.path", inbox.toString())));
            } finally {
                Files.deleteIfExists(inbox);
            }
        } catch (IOException e) {
            throw new FerryException("Cannot make a folder to check the routes in: " + e.getMessage() + ".", e);
        }
    }

    /** The routes of a folder, by file and line. */
    public static List<Listed> list(Path folder) {
        List<Listed> routes = new ArrayList<>();
        RouteFiles.read(folder).files().forEach(file -> file.entries().stream().filter(entry -> entry.kind().equals("route"))
                .forEach(entry -> routes.add(new Listed(entry.id().orElse("(no id)"), file.path(), entry.line(),
                        RouteFile.find(entry.body(), "description").map(node -> node.getValue()).orElse("")))));
        return routes;
    }
}
