package dev.adapterferry.cli;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.Settings;

/** Tells people of what a command did, by the routes that tell of runs. They are started only where somebody is to hear it. */
final class Telling {
    private Telling() { }

    /** Sends an alert and waits until it has arrived or cannot; what cannot be sent is told on standard error, and the command's work stands. */
    static void tell(Console console, Settings settings, Alert alert) {
        if (!settings.alerts().reach(alert.kind())) {
            return;
        }
        try (FerryApplication application = FerryApplication.forCommand(settings, CommonOptions.installation(), console)) {
            application.announcer().announce(alert);
        } catch (FerryException e) {
            console.error("ferry: this was not told to anybody: " + e.getMessage());
        }
    }
}
