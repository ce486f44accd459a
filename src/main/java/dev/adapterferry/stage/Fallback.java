package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.DeploySettings;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/** Takes back a release that did not hold, and puts the one before it in its place. */
public final class Fallback {
    static final String DIED = "the engine died while it was asked";

    private final Ledger ledger;
    private final ModelServers servers;
    private final HttpCaller http;
    private final Announcer announcer;

    /**
     * @param ledger    is told
     * @param servers   let go of the file
     * @param http      sends the small requests to LM Studio and Ollama
     * @param announcer tells people
     */
    public Fallback(Ledger ledger, ModelServers servers, HttpCaller http, Announcer announcer) {
        this.ledger = ledger;
        this.servers = servers;
        this.http = http;
        this.announcer = announcer;
    }

    /**
     * Asks something of a release, and takes the release back when the embedded engine cannot load it or dies meanwhile, even when it
     * was started again and answered: what crashes while it is looked at will crash in use.
     *
     * @param what the asking, as the subject of a sentence: {@code evaluation}
     * @param act  asks, by the server of the run
     * @throws FerryException when the engine did not hold; says why, and what was done
     */
    public <T> T whileServed(RunContext run, Facts.Deployed deployed, String what, Supplier<T> act) {
        try {
            servers.serve(run, deployed);
        } catch (Cancelled | TransientFailure | SettingsException e) {
            throw e;
        } catch (FerryException e) {
            throw brokeOff(run, deployed, what, e.getMessage());
        }
        try {
            T result = act.get();
            if (servers.death(run.id()).isEmpty()) {
                return result;
            }
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            if (servers.death(run.id()).isEmpty()) {
                throw e;
            }
        }
        throw brokeOff(run, deployed, what, DIED);
    }

    /** What is installed after a release was taken back, in words. */
    static String inPlace(OptionalInt release) {
        return release.isPresent() ? "release " + release.getAsInt() + " is back in place" : "it was the first, so nothing is installed now";
    }

    private FerryException brokeOff(RunContext run, Facts.Deployed deployed, String what, String found) {
        String sentence = found.endsWith(".") ? found : found + ".";
        return new FerryException("The " + what + " of " + run.name() + " (release " + deployed.release() + ") broke off: " + sentence + takeBack(run, deployed, "its " + what + " broke off: " + sentence));
    }

    /**
     * Restores the release before the deployed one, where the settings ask for it; the first of all is only taken out.
     *
     * @param reason why the deployed one did not hold, one sentence
     * @return what was done as a sentence with a leading blank, or an empty string
     */
    public String takeBack(RunContext run, Facts.Deployed deployed, String reason) {
        // A check whose connections were closed under it has found out nothing.
        run.cancellation().check("looking at release " + deployed.release() + " of " + run.name());
        // What a crashed engine leaves are broken connections; the reason is known here.
        String death = servers.death(run.id()).map(sentence -> " " + sentence + ".").orElse("");
        if (run.settings().deploy().onFailure() == DeploySettings.OnFailure.KEEP) {
            return death + " The release stays (deploy.on-failure is keep).";
        }
        servers.release(run.id());
        try {
            Optional<ReleaseDesk.InUse> back = ReleaseDesk.of(run, ledger, http).takeBack(run.name(), deployed.release());
            String what = inPlace(back.map(inUse -> OptionalInt.of(inUse.deployed().release().number())).orElse(OptionalInt.empty()));
            ledger.events().add(run.id(), run.name(), "rolled-back", "release " + deployed.release() + " was taken back; " + what, null);
            announcer.announce(Alert.rolledBack(run.name(), run.id(), deployed.release(), back.map(inUse -> inUse.deployed().release().number()).orElse(0), reason + death));
            return death + " Release " + deployed.release() + " was taken back; " + what + ". It stays kept: 'ferry rollback " + run.name() + " --to " + deployed.release() + "' would install it again.";
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            return death + " Taking release " + deployed.release() + " back failed as well: " + e.getMessage();
        }
    }
}
