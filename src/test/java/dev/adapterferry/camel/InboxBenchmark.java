package dev.adapterferry.camel;

import dev.adapterferry.ledger.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * Measures how soon a file is seen that is dropped into the inbox: the time until its run is in the ledger, with the real routes and stages that do nothing.
 *
 * <p>Arguments: rounds (30).
 */
public final class InboxBenchmark {
    private InboxBenchmark() { }

    /** Runs the benchmark. */
    public static void main(String[] args) throws Exception {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 30;
        long[] seen = new long[rounds];
        try (StubbedDaemon daemon = new StubbedDaemon(Files.createTempDirectory("inbox-benchmark"), "  majora: {}", "", Map.of())) {
            for (int i = 0; i < rounds; i++) {
                // Somewhere within the time between two looks.
                Thread.sleep(37L * i % 400);
                long dropped = System.nanoTime();
                daemon.drop("majora");
                while (daemon.ledger().runs().newest(rounds + 1).size() <= i) {
                    Thread.sleep(2);
                }
                seen[i] = System.nanoTime() - dropped;
                Run run = daemon.ledger().runs().newest(1).getFirst();
                StubbedDaemon.await("the end of the run", () -> daemon.ledger().runs().get(run.id()).state().isEnd());
                Path file = daemon.inbox().resolve("majora");
                StubbedDaemon.await("the file to be put away", () -> !Files.exists(file));
            }
        }
        Arrays.sort(seen);
        System.out.println(String.format(Locale.ROOT, "%d files: median %.2f s, fastest %.2f s, slowest %.2f s", rounds, seen[rounds / 2] / 1e9, seen[0] / 1e9, seen[rounds - 1] / 1e9));
        System.exit(0);
    }
}
