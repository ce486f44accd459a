package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;
import org.quartz.Trigger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The scheduled looks at sources: which are under way, whatever generation of routes has begun them, and when each was begun the last time, so that
 * fire times that passed while the ferry did not run are made up by one look.
 */
final class Looks {
    private static final Logger LOG = LoggerFactory.getLogger(Looks.class);

    /** Quartz's own measure of a fire time that was missed. */
    private static final Duration LATE = Duration.ofMinutes(1);

    private final Set<String> underWay = ConcurrentHashMap.newKeySet();

    /**
     * Begins a look; it ends with the exchange.
     *
     * @param home     the working directory
     * @param schedule name of the schedule
     * @return false when the look before is still under way
     */
    boolean begin(Path home, String schedule, Exchange exchange) {
        if (!underWay.add(schedule)) {
            LOG.info("{}: the look before is still under way, this one is left out", schedule);
            return false;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                underWay.remove(schedule);
            }
        });
        tellMissed(exchange, schedule, last(home, schedule));
        write(file(home, schedule));
        return true;
    }

    /** Quartz fires once for all that it missed. */
    private static void tellMissed(Exchange exchange, String schedule, Instant last) {
        Trigger trigger = exchange.getMessage().getHeader("trigger", Trigger.class);
        Date missed = trigger == null ? null : trigger.getFireTimeAfter(Date.from(last));
        if (missed != null && missed.toInstant().isBefore(Instant.now().minus(LATE))) {
            LOG.info("{}: the look of {} was missed, and perhaps later ones; this one makes up for them", schedule, missed.toInstant());
        }
    }

    private static void write(Path file) {
        try {
            Files.createDirectories(file.getParent());
            Durable.write(file, Instant.now().truncatedTo(ChronoUnit.SECONDS) + "\n");
        } catch (IOException e) {
            throw new FerryException("Cannot write " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static Path file(Path home, String schedule) {
        return home.resolve("looks").resolve(schedule);
    }

    /** When a schedule last looked; now, when it never has: then nothing was missed. */
    static Instant last(Path home, String schedule) {
        try {
            Instant now = Instant.now();
            Instant last = Files.isRegularFile(file(home, schedule)) ? Instant.parse(Files.readString(file(home, schedule)).strip()) : now;
            // A clock that was set back must not make the schedule wait until it has caught up.
            return last.isAfter(now) ? now : last;
        } catch (IOException | DateTimeParseException e) {
            LOG.warn("Cannot tell when {} last looked: {}", schedule, e.getMessage());
            return Instant.now();
        }
    }
}
