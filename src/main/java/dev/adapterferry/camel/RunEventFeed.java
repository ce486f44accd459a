package dev.adapterferry.camel;

import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import java.util.List;

/**
 * The events of one run as server-sent events: what happened so far, then what happens, each with its number as id, until the
 * run has ended. A reader that lost the connection goes on behind the last id it saw. While nothing happens a comment is
 * due now and then, so that both sides notice when the other has gone. Used by one thread at a time.
 */
final class RunEventFeed {
    private static final long STILL_HERE_NANOS = 10_000_000_000L;
    private static final int AT_ONCE = 100;

    private final Ledger ledger;
    private final String run;
    private long after;
    private boolean over;
    private long lastSent = System.nanoTime();

    /**
     * @param ledger knows the events
     * @param run    the run's full id
     * @param after  id of the last event that the reader has seen, 0 for none
     */
    RunEventFeed(Ledger ledger, String run, long after) {
        this.ledger = ledger;
        this.run = run;
        this.after = after;
    }

    /** What is to be sent now; empty when nothing has happened. */
    String next() {
        // The state first: what a run that has ended still had to say is in the ledger by then.
        boolean ended = ledger.runs().find(run).map(Run::state).map(state -> state.isEnd()).orElse(true);
        List<Event> events = ledger.events().of(run, after, AT_ONCE);
        String text = "";
        if (!events.isEmpty()) {
            after = events.getLast().id();
            StringBuilder all = new StringBuilder();
            events.forEach(event -> all.append("id: ").append(event.id()).append("\nevent: ").append(event.kind()).append("\ndata: ").append(ApiAnswers.json(ApiAnswers.event(event))).append("\n\n"));
            text = all.toString();
        } else if (ended) {
            over = true;
            text = "event: end\ndata: {}\n\n";
        } else if (System.nanoTime() - lastSent > STILL_HERE_NANOS) {
            text = ": still here\n\n";
        }
        lastSent = text.isEmpty() ? lastSent : System.nanoTime();
        return text;
    }

    /** Whether the run has ended and all of it was given out. */
    boolean over() {
        return over;
    }
}
