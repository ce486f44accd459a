package dev.adapterferry.cli;

import dev.adapterferry.camel.FerryApplication;

/** Prints what a run did: a table of its stages, what it made, and where it stopped. */
final class RunPrinter {
    private final Console console;

    RunPrinter(Console console) {
        this.console = console;
    }

    void print(FerryApplication.Outcome outcome) {
        Table table = new Table("stage", "time", "result");
        outcome.stages().forEach(s -> table.row(s.stage(), s.millis() < 0 ? "" : seconds(s.millis()), s.result()));
        console.println("");
        console.println(outcome.model() + ", run " + outcome.id() + ": " + outcome.state());
        console.println(table.toString());
        outcome.files().forEach(file -> console.println("  " + file));
        if (!outcome.done()) {
            console.error("ferry: " + outcome.sentence());
            console.error("ferry: run " + outcome.id() + " stopped; what is done is kept. The same command goes on from there.");
        }
    }

    private static String seconds(long millis) {
        return millis < 60_000 ? String.format(java.util.Locale.ROOT, "%.1fs", millis / 1000.0) : Console.duration(millis / 1000);
    }
}
