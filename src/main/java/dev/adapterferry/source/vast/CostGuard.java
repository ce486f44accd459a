package dev.adapterferry.source.vast;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.transfer.Pause;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * Stops or destroys an instance after its adapter has come home, when and only when everything about the pull was verified,
 * and does not believe that it happened before the service says so.
 */
public final class CostGuard {
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    private final VastApi api;
    private final Duration patience;
    private final Pause pause;

    /**
     * @param api      asks and commands the service
     * @param patience how long to wait for the state to be reached
     */
    public CostGuard(VastApi api, Duration patience) {
        this(api, patience, Pause.SLEEP);
    }

    CostGuard(VastApi api, Duration patience, Pause pause) {
        this.api = api;
        this.patience = patience;
        this.pause = pause;
    }

    /**
     * What came of it, for the alert.
     *
     * @param instance the instance
     * @param wanted   what was asked for
     * @param end      what became of it
     * @param saved    dollars per hour that are no longer spent; 0 when nothing was done or the price is unknown
     * @param still    dollars per hour that are still spent (the storage of a stopped instance)
     * @param sentence what to tell people
     */
    public record Outcome(long instance, AfterPull wanted, End end, double saved, double still, String sentence) {
        /** The instance was left as it is, because something still needs it. */
        public static Outcome kept(long instance, AfterPull wanted, String why) {
            return new Outcome(instance, wanted, End.KEPT, 0, 0, "Instance " + instance + " was kept: " + why + ".");
        }
    }

    /** How it ended. */
    public enum End {
        /** Left as it is, on purpose. */
        KEPT,
        /** It was in the wanted state before. */
        ALREADY,
        /** It was seen to reach the wanted state. */
        REACHED,
        /** It goes on costing money, or may. */
        FAILED
    }

    /**
     * Acts after a pull. Never throws for what merely did not work out: the adapter is home, and the outcome says that the
     * instance still costs. One that was not told anything yet when a stop was requested is left alone.
     *
     * @param wanted       what to do
     * @param homecoming   what is known of the pull
     * @param cancellation ends the waiting, not what was already commanded
     * @return what came of it
     */
    public Outcome act(AfterPull wanted, Homecoming homecoming, Cancellation cancellation) {
        long id = homecoming.instance();
        if (wanted == AfterPull.KEEP) {
            return new Outcome(id, wanted, End.KEPT, 0, 0, "Instance " + id + " was kept.");
        }
        String objection = homecoming.objection();
        if (!objection.isEmpty()) {
            return failed(id, wanted, "Instance " + id + " was not " + past(wanted) + ": " + objection + ". It goes on costing money.");
        }
        boolean told = false;
        try {
            Optional<VastInstance> before = api.find(id);
            if (before.isEmpty()) {
                return new Outcome(id, wanted, End.ALREADY, 0, 0, "Instance " + id + " is gone already.");
            }
            double price = before.get().pricePerHour();
            if (wanted == AfterPull.STOP && before.get().isStopped()) {
                return new Outcome(id, wanted, End.ALREADY, 0, before.get().storagePerHour(), "Instance " + id + " is stopped already.");
            }
            told = true;
            if (wanted == AfterPull.STOP) {
                api.stop(id);
            } else {
                api.destroy(id);
            }
            return await(wanted, id, price, cancellation);
        } catch (Cancelled e) {
            if (!told) {
                throw e;
            }
            return failed(id, wanted, "Instance " + id + " was told to be " + past(wanted) + "; nobody waited to see it happen. Look at it: it may go on costing money.");
        } catch (TransientFailure e) {
            return failed(id, wanted, "Instance " + id + " could not be " + past(wanted) + " and may go on costing money: " + e.getMessage());
        } catch (FerryException e) {
            return failed(id, wanted, "Instance " + id + " was not " + past(wanted) + " and goes on costing money: " + e.getMessage());
        }
    }

    private Outcome await(AfterPull wanted, long id, double price, Cancellation cancellation) {
        for (Duration waited = Duration.ZERO; ; waited = waited.plus(INTERVAL)) {
            Optional<VastInstance> now = api.find(id);
            if (now.isEmpty()) {
                return new Outcome(id, wanted, End.REACHED, price, 0, "Instance " + id + " was " + past(wanted) + money(price, 0) + ".");
            }
            if (wanted == AfterPull.STOP && now.get().isStopped()) {
                double storage = now.get().storagePerHour();
                return new Outcome(id, wanted, End.REACHED, Math.max(0, price - storage), storage, "Instance " + id + " was stopped" + money(Math.max(0, price - storage), storage) + ".");
            }
            if (waited.compareTo(patience) >= 0) {
                return failed(id, wanted, "Instance " + id + " was told to be " + past(wanted) + ", but after " + patience.toSeconds() + " s vast.ai still shows it as "
                        + now.get().status() + ". Look at it: it may go on costing money.");
            }
            cancellation.check("waiting for instance " + id + " to be " + past(wanted));
            pause.pause(INTERVAL);
        }
    }

    private static Outcome failed(long id, AfterPull wanted, String sentence) {
        return new Outcome(id, wanted, End.FAILED, 0, 0, sentence);
    }

    private static String past(AfterPull wanted) {
        return wanted == AfterPull.DESTROY ? "destroyed" : "stopped";
    }

    private static String money(double saved, double still) {
        if (saved <= 0) {
            return "";
        }
        return String.format(Locale.ROOT, ", which saves $%.2f per hour", saved) + (still > 0 ? String.format(Locale.ROOT, "; its storage goes on costing $%.3f per hour", still) : "");
    }
}
