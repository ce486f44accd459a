package dev.adapterferry.stage;

import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A process that carries one deploy stage and can be killed at a chosen point: it stops at one of its progress reports and waits
 * there for its end. It makes itself ready first, and then takes its order from standard input, so that a test need not wait for
 * its start. Argument: settings file. Order, in one line: deploy.link, deploy.lmstudio.load, model, folder of the run, report to stop
 * at (0: none).
 */
final class InterruptedDeployment {
    private InterruptedDeployment() { }

    public static void main(String[] arguments) throws IOException {
        Settings settings = settings(arguments[0], Map.of());
        try (Ledger ledger = Ledger.open("jdbc:sqlite:" + settings.home().resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10))) {
            DeployStage stage = new DeployStage(ledger, new JdkHttpCaller(), Announcer.NOBODY);
            String line = new BufferedReader(new InputStreamReader(System.in)).readLine();
            if (line != null) {
                String[] order = line.split(" ");
                carry(stage, settings(arguments[0], Map.of("deploy.link", order[0], "deploy.lmstudio.load", order[1])), order[2], Path.of(order[3]), Integer.parseInt(order[4]));
            }
        }
    }

    private static Settings settings(String file, Map<String, String> overrides) {
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(Path.of(file)), overrides).settings();
    }

    private static void carry(DeployStage stage, Settings settings, String model, Path run, int stopAt) {
        AtomicInteger reports = new AtomicInteger();
        Progress progress = step -> {
            if (reports.incrementAndGet() == stopAt) {
                say("here: " + step.activity());
                waitForTheEnd();
            }
        };
        say("begin");
        Facts.Deployed deployed = stage.carry(new RunContext(run.getFileName().toString(), RunRequest.of(model, "test"), settings, new Records(run), progress, new Cancellation()));
        say("done: " + deployed.modelId() + " after " + reports.get());
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static void waitForTheEnd() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
