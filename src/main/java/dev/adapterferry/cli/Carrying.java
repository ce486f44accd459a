package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.RunReport;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Carries one run after another in this process, prints what became of each, and sums them up in one exit code. */
final class Carrying {
    /** Kernels and transfers look several times a second whether they should stop. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Console console;
    private final Settings settings;
    private final boolean json;
    private final ArrayNode reports = new ObjectMapper().createArrayNode();
    private int tried;
    private int failed;
    private int worst = ExitCode.DONE;

    /**
     * @param json prints the runs' reports as a JSON list instead of tables
     */
    Carrying(Console console, Settings settings, boolean json) {
        this.console = console;
        this.settings = settings;
        this.json = json;
    }

    /**
     * Carries everything, whatever becomes of the ones before.
     *
     * @param list what is to be carried; asked once the routes run
     * @param act  carries one of them
     * @return 0 when all is done, 5 when some failed, the last failure's code when all failed, 130 after Ctrl-C
     */
    <T> int all(Function<FerryApplication, List<T>> list, BiFunction<FerryApplication, T, FerryApplication.Outcome> act) {
        try (FerryApplication application = FerryApplication.forCommand(settings, CommonOptions.installation(), console);
             Interruption interruption = Interruption.onCtrlC(() -> stop(application), PATIENCE, application::abandon)) {
            List<T> all = list.apply(application);
            for (T one : all) {
                carry(application, one, act, all.size() == 1);
                if (interruption.cancellation().isRequested()) {
                    sayStopped(all.size() - tried);
                    print();
                    application.close();
                    return ExitCode.INTERRUPTED;
                }
            }
        }
        print();
        return failed == 0 ? ExitCode.DONE : failed < tried ? ExitCode.PARTLY : worst;
    }

    private <T> void carry(FerryApplication application, T one, BiFunction<FerryApplication, T, FerryApplication.Outcome> act, boolean only) {
        tried++;
        try {
            FerryApplication.Outcome outcome = act.apply(application, one);
            if (json) {
                reports.add(RunReport.json(application.ledger(), application.ledger().runs().get(outcome.id())));
                if (!outcome.done()) {
                    console.error("ferry: " + outcome.model() + ": " + outcome.sentence());
                }
            } else {
                new RunPrinter(console).print(outcome);
            }
            if (!outcome.done()) {
                failed++;
                worst = ExitCode.of(outcome.state());
            }
        } catch (FerryException e) {
            if (only && !(e instanceof Cancelled)) {
                throw e;
            }
            console.error("ferry: " + e.getMessage());
            failed++;
            worst = ExitCode.of(e);
        }
    }

    private void stop(FerryApplication application) {
        console.note("ferry: stopping");
        application.interrupt();
    }

    private void sayStopped(int left) {
        console.error("ferry: interrupted" + (left > 0 ? "; " + left + " more were not begun" : "") + ". The same command goes on from here.");
    }

    private void print() {
        if (json) {
            console.println(reports.toPrettyString());
        }
    }
}
