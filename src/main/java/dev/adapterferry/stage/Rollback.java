package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalInt;

/** Going back on demand: restores a release, has it loaded, and asks it. */
public final class Rollback {
    private final Settings settings;
    private final Ledger ledger;
    private final HttpCaller http;
    private final ModelServers servers;

    /**
     * @param settings where releases go
     * @param ledger   is told
     * @param http     sends the small requests
     * @param servers  finds or starts the server that is asked
     */
    public Rollback(Settings settings, Ledger ledger, HttpCaller http, ModelServers servers) {
        this.settings = settings;
        this.ledger = ledger;
        this.http = http;
        this.servers = servers;
    }

    /**
     * What came of it.
     *
     * @param inUse    the release that is installed now
     * @param from     the release that was installed before, 0 for none
     * @param restored time until it was installed, loaded and put to every target
     * @param health   what the probe found; empty when it was not asked
     */
    public record Result(ReleaseDesk.InUse inUse, int from, Duration restored, Optional<Health> health) {
        /**
         * What people are told of it.
         *
         * @param by how it was asked for: {@code ferry rollback}
         */
        public Alert alert(String by) {
            String trouble = health.filter(found -> found.status() == Status.UNHEALTHY).map(Health::trouble).orElse("");
            return Alert.restored(inUse.deployed().release().model(), from, inUse.deployed().release().number(), by, trouble);
        }
    }

    /**
     * Goes back.
     *
     * @param model    the model
     * @param to       number of a kept release, or empty for the one that was active before
     * @param probing  whether the restored release is asked
     * @param progress hears of copied bytes
     * @throws dev.adapterferry.failure.TransientFailure when another process carries or deploys the model just now
     * @throws dev.adapterferry.failure.FerryException   when that release is not kept, or cannot be installed or loaded
     */
    public Result to(String model, OptionalInt to, boolean probing, Progress progress) {
        long start = System.nanoTime();
        int from = ledger.releases().active(model).map(entry -> entry.number()).orElse(0);
        ReleaseDesk.InUse inUse = new ReleaseDesk(settings, ledger, http, progress, new Cancellation()).rollback(model, to);
        Duration restored = Duration.ofNanos(System.nanoTime() - start);
        if (!probing) {
            return new Result(inUse, from, restored, Optional.empty());
        }
        // Files were compared when they were kept, and again wherever they were copied: reading gigabytes once more would be the slowest part.
        ModelHealth checks = new ModelHealth(http, servers, Digests.none());
        try {
            Facts.Deployed release = new ActiveReleases(settings, ledger).find(model).orElseThrow();
            return new Result(inUse, from, restored, Optional.of(checks.check(model, settings, model, release, EnumSet.allOf(HealthCheck.Part.class))));
        } finally {
            servers.release(model);
        }
    }
}
