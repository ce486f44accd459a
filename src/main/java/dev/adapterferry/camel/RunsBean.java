package dev.adapterferry.camel;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.stage.LetterDesk;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.RunRequest;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The bean {@code runs} of the routes: unpacks an exchange and asks the {@link RunDesk}. */
public final class RunsBean {
    private final RunDesk desk;
    private final LetterDesk letters;
    private final Ledger ledger;

    RunsBean(RunDesk desk, LetterDesk letters, Ledger ledger) {
        this.desk = desk;
        this.letters = letters;
        this.ledger = ledger;
    }

    /** Body: a {@link RunRequest}. Leaves the run's id as body and in the headers. */
    public void open(Exchange exchange) {
        Message message = exchange.getMessage();
        Runs.Opened opened = desk.open(message.getBody(RunRequest.class));
        message.setHeader(FerryHeaders.JOINED, opened.joined());
        name(message, opened.run());
    }

    /** Leaves the id of the next waiting run as body, or null. */
    public void next(Exchange exchange) {
        String id = desk.next().orElse(null);
        exchange.getMessage().setBody(id);
        if (id != null) {
            name(exchange.getMessage(), ledger.runs().get(id));
        }
    }

    /** Body: a run's id. Takes its lock. */
    public void begin(Exchange exchange) {
        String id = exchange.getMessage().getBody(String.class);
        name(exchange.getMessage(), ledger.runs().get(id));
        desk.begin(id);
    }

    /** Ends the run well. */
    public void finish(Exchange exchange) {
        desk.finish(id(exchange));
    }

    /** Body: a run's id. Ends the run if the passage has not. */
    public void settle(Exchange exchange) {
        desk.settle(id(exchange));
    }

    /** Ends the run with the failure that was caught. */
    public void fail(Exchange exchange) {
        Throwable reason = caught(exchange);
        desk.fail(id(exchange), stage(exchange), reason);
    }

    /** Ends the run because somebody asked for it. */
    public void cancel(Exchange exchange) {
        desk.cancelled(id(exchange), stage(exchange));
        exchange.setProperty(Exchange.EXCEPTION_CAUGHT, new Cancelled(id(exchange)));
    }

    /** Keeps the dead letter in the ledger and leaves it as body: request, reason, stage, attempts, stack, as JSON. */
    public void letter(Exchange exchange) {
        Throwable reason = caught(exchange);
        exchange.getMessage().setBody(letters.keep(id(exchange), stage(exchange), reason));
    }

    private static void name(Message message, Run run) {
        message.setBody(run.id());
        message.setHeader(FerryHeaders.RUN, run.id());
        message.setHeader(FerryHeaders.MODEL, run.model());
    }

    private static String id(Exchange exchange) {
        return exchange.getMessage().getHeader(FerryHeaders.RUN, String.class);
    }

    private static String stage(Exchange exchange) {
        return exchange.getMessage().getHeader(FerryHeaders.STAGE, String.class);
    }

    /** What was caught; Camel wraps an error of the JVM, which says nothing by itself. */
    static Throwable caught(Exchange exchange) {
        Throwable reason = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
        return reason instanceof CamelExecutionException && reason.getCause() != null ? reason.getCause() : reason;
    }
}
