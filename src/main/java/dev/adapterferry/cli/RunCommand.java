package dev.adapterferry.cli;

import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.settings.LiveSettings;
import dev.adapterferry.settings.Settings;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The daemon. */
@Command(name = "run", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Runs the daemon: watches the inbox and the schedule, carries what arrives, probes what is deployed. Ctrl-C stops it.")
final class RunCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() throws InterruptedException {
        Console console = common.console();
        LiveSettings live = common.liveSettings(console);
        Settings settings = live.get();
        CountDownLatch stopped = new CountDownLatch(1);
        FerryApplication application = FerryApplication.forDaemon(live, CommonOptions.installation(), console);
        // The JVM waits for this hook on Ctrl-C and on kill: running work is finished or parked before the process ends.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            console.note("ferry: stopping; running work is finished or parked within " + live.get().pipeline().shutdownTimeout().toSeconds() + "s");
            application.close();
            stopped.countDown();
        }, "stop-ferry"));
        console.println("ferry is running. Inbox: " + settings.inbox().path() + application.address().map(address -> ". API: " + address.resolve("/api/runs")).orElse(""));
        stopped.await();
        return ExitCode.DONE;
    }
}
