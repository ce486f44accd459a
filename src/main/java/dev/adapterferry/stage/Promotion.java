package dev.adapterferry.stage;

import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.util.EnumSet;
import java.util.OptionalInt;

/**
 * Puts the winner of a contest into use: installed, loaded, written down, and asked. A winner that does not answer where it is
 * used goes back at once, and what was in use before is in use again.
 */
public final class Promotion {
    private final Settings settings;
    private final Ledger ledger;
    private final HttpCaller http;
    private final ModelServers servers;
    private final ReleaseDesk desk;

    /**
     * @param settings     where releases go
     * @param ledger       is told
     * @param http         sends the small requests
     * @param servers      finds or starts the server that is asked
     * @param progress     hears of copied bytes
     * @param cancellation asked until the switch begins
     */
    public Promotion(Settings settings, Ledger ledger, HttpCaller http, ModelServers servers, Progress progress, Cancellation cancellation) {
        this.settings = settings;
        this.ledger = ledger;
        this.http = http;
        this.servers = servers;
        this.desk = new ReleaseDesk(settings, ledger, http, progress, cancellation);
    }

    static Promotion of(RunContext run, Ledger ledger, HttpCaller http, ModelServers servers) {
        return new Promotion(run.settings(), ledger, http, servers, run.progress(), run.cancellation());
    }

    /**
     * What came of it.
     *
     * @param release number of the release that is in use now
     * @param held    whether that is the winner
     * @param trouble why the winner went back, or an empty string
     */
    public record Outcome(int release, boolean held, String trouble) { }

    /** In the name of a user: under the model's lock, and refused while a run carries it. */
    public Outcome onDemand(String model, Contest.Side winner) {
        settings.model(model);
        return desk.alone(model, "promote something of", () -> promote(model, winner, null));
    }

    /** In a run, which has the model's lock. */
    Outcome inRun(String run, String model, Contest.Side winner) {
        return promote(model, winner, run);
    }

    private Outcome promote(String model, Contest.Side winner, String run) {
        OptionalInt before = ledger.releases().active(model).map(entry -> OptionalInt.of(entry.number())).orElse(OptionalInt.empty());
        ReleaseDesk.InUse inUse = winner.format().isPresent() ? desk.use(model, winner.format().get(), run) : desk.restore(model, OptionalInt.of(winner.release()), run, "which won the comparison");
        int release = inUse.deployed().release().number();
        String trouble = ask(run == null ? model : run, model);
        if (trouble.isEmpty() || before.isEmpty()) {
            return new Outcome(release, true, "");
        }
        desk.restore(model, before, run, "since the winner of the comparison does not answer as it should");
        return new Outcome(before.getAsInt(), false, trouble);
    }

    /** What is wrong with the answers, or an empty string. The files were compared when they were kept; whether they answer where they are used is the question. */
    private String ask(String holder, String model) {
        servers.release(holder);
        try {
            Health health = new ModelHealth(http, servers, Digests.none()).check(holder, settings, model, new ActiveReleases(settings, ledger).get(model), EnumSet.allOf(HealthCheck.Part.class));
            // What was started again and answered at last has crashed all the same.
            return health.status() == Status.UNHEALTHY ? health.trouble() : servers.death(holder).orElse("");
        } finally {
            servers.release(holder);
        }
    }
}
