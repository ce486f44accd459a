package dev.adapterferry.bench;

import dev.adapterferry.camel.WorkToCancel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Cancels runs in the middle of every kind of work, by a mark in the ledger as {@code ferry cancel} makes it, and prints a Markdown table: how long
 * it took until the run was cancelled in the ledger, and until nothing worked on it any more. Needs rsync, ssh and scp.
 *
 * <p>Arguments: rounds (5), size of the generated model for what computes (0.5B, or none), a part of the names of the kinds to try (all), a folder to work in.
 */
public final class CancelBenchmark {
    private CancelBenchmark() { }

    /** Runs the benchmark. */
    public static void main(String[] args) {
        try {
            run(args);
        } catch (Exception | Error e) {
            e.printStackTrace();
        } finally {
            // The doubles' threads would keep the process alive.
            System.exit(0);
        }
    }

    private static void run(String[] args) throws Exception {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        String size = args.length > 1 ? args[1] : "0.5B";
        String part = args.length > 2 ? args[2] : "";
        Path folder = args.length > 3 ? Path.of(args[3]) : Files.createTempDirectory("cancel-benchmark");
        try (WorkToCancel work = new WorkToCancel(folder, "http://127.0.0.1:9/", Optional.of(size).filter(text -> !text.equals("none")))) {
            System.out.println("| in the middle of | cancelled after (median, longest) | at rest after (median, longest) |\n|---|---|---|");
            List<WorkToCancel.Kind> kinds = work.kinds().stream().filter(kind -> kind.name().contains(part)).toList();
            for (WorkToCancel.Kind kind : kinds) {
                long[] cancelled = new long[rounds];
                long[] rested = new long[rounds];
                for (int round = 0; round < rounds; round++) {
                    WorkToCancel.Stopped stopped = work.stop(kind);
                    cancelled[round] = stopped.cancelled();
                    rested[round] = stopped.rested();
                    if (!stopped.run().state().text().equals("cancelled")) {
                        System.out.println("NOT CANCELLED: " + stopped.run());
                    }
                }
                System.out.println("| " + kind.name() + " | " + times(cancelled) + " | " + times(rested) + " |");
            }
        }
    }

    private static String times(long[] nanos) {
        Arrays.sort(nanos);
        return String.format(Locale.ROOT, "%.2f s, %.2f s", nanos[nanos.length / 2] / 1e9, nanos[nanos.length - 1] / 1e9);
    }
}
