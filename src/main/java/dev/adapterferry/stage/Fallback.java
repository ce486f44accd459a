package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.settings.DeploySettings;

/** Takes back a release that did not hold, and puts the one before it in its place. */
public final class Fallback {
    private final Ledger ledger;
    private final ModelServers servers;

    /**
     * @param ledger  is told
     * @param servers let go of the file
     */
    public Fallback(Ledger ledger, ModelServers servers) {
        this.ledger = ledger;
        this.servers = servers;
    }

    /**
     * Restores the release before the deployed one, where the settings ask for it and there is one.
     *
     * @return what was done as a sentence with a leading blank, or an empty string
     */
    public String takeBack(RunContext run, Facts.Deployed deployed) {
        if (run.settings().deploy().onFailure() == DeploySettings.OnFailure.KEEP) {
            return " The release stays (deploy.on-failure is keep).";
        }
        if (deployed.previous() == null) {
            return " There is no earlier release to go back to.";
        }
        servers.release(run.id());
        try {
            DeployStage.installation(run).restore(run.name(), deployed.previous());
            ledger.releases().tookBack(run.name(), deployed.release(), ReleaseState.FAILED, deployed.previous());
            ledger.events().add(run.id(), run.name(), "rolled-back", "release " + deployed.release() + " was taken back, release " + deployed.previous() + " answers again", null);
            return " Release " + deployed.previous() + " is back in place.";
        } catch (FerryException e) {
            return " Going back to release " + deployed.previous() + " failed as well: " + e.getMessage();
        }
    }
}
