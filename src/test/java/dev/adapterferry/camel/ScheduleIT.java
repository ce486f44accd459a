package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.transfer.FaultProxy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.camel.builder.NotifyBuilder;
import org.apache.camel.component.quartz.QuartzComponent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quartz.Scheduler;
import org.quartz.TriggerKey;
import org.quartz.impl.matchers.GroupMatcher;

/** The schedule of the real route file: looks that would overlap, and looks that were missed. */
class ScheduleIT {
    @TempDir
    Path folder;

    /** A daemon whose only source is behind the proxy, looked at by this schedule. */
    private StubbedDaemon daemon(DemoInstance instance, FaultProxy proxy, String poll) throws IOException {
        return new StubbedDaemon(folder, "  majora: {base: x/y, source: {url: \"ssh://root@127.0.0.1:" + proxy.port() + "/nowhere\"}}",
                "source: {settle: 0, connect-timeout: 10m, poll: \"" + poll + "\"}", Map.of()) {
            @Override
            String timers() {
                return "vast: {enabled: never, poll: \"0 0 0 1 1 ?\", ssh-key: " + instance.loginKey() + ", known-hosts: " + folder.resolve("known-hosts") + "}\nhealth: {every: 0}";
            }
        };
    }

    @Test
    void aLookDoesNotOverlapTheOneBeforeThoughTheRouteWasEditedInBetween() throws Exception {
        try (DemoInstance instance = DemoInstance.start(folder.resolve("machine")); FaultProxy proxy = new FaultProxy(instance.port()).silence("SSH-2.0");
             StubbedDaemon daemon = daemon(instance, proxy, "* * * * * ?")) {
            StubbedDaemon.await("a look that hangs", () -> proxy.held() == 1);
            RouteGeneration before = daemon.application().routes().live();
            daemon.edit("scheduled-pull", text -> text + "# edited\n");
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            NotifyBuilder leftOut = new NotifyBuilder(daemon.application().routes().live().context()).fromRoute("scheduled-look").whenDone(2).create();
            assertThat(leftOut.matches(120, TimeUnit.SECONDS)).as("the new routes' schedule fires").isTrue();
            assertThat(proxy.connections()).as("nobody looks while somebody does").isEqualTo(1);
            proxy.silence(null).refuse();
            proxy.answerAgain();
            StubbedDaemon.await("the next look, once that one has ended", () -> proxy.connections() > 1);
        }
    }

    @Test
    void fireTimesThatPassedWhileTheFerryDidNotRunAreMadeUpByOneLook() throws Exception {
        Path last = Files.createDirectories(folder.resolve("home/looks")).resolve("scheduled-look");
        Files.writeString(last, Instant.now().minus(5, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS) + "\n");
        // Every day at the hour that has just passed: five were missed, and the next is hours away.
        String daily = "0 0 " + LocalTime.now().minusHours(2).getHour() + " * * ?";
        try (DemoInstance instance = DemoInstance.start(folder.resolve("machine")); FaultProxy proxy = new FaultProxy(instance.port());
             StubbedDaemon daemon = daemon(instance, proxy, daily)) {
            StubbedDaemon.await("the look that makes up for them", () -> Looks.last(folder.resolve("home"), "scheduled-look").isAfter(Instant.now().minus(1, ChronoUnit.HOURS)));
            StubbedDaemon.await("the machine is asked", () -> proxy.connections() > 0);
            RouteGeneration before = daemon.application().routes().live();
            assertThat(next(before)).as("one look for all that was missed").isAfter(Instant.now().plus(1, ChronoUnit.HOURS));
            daemon.edit("scheduled-pull", text -> text + "# edited\n");
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            assertThat(next(daemon.application().routes().live())).as("none for the edit").isAfter(Instant.now().plus(1, ChronoUnit.HOURS));
        }
    }

    /** When the route looks next. */
    private static Instant next(RouteGeneration routes) throws Exception {
        Scheduler scheduler = routes.context().getComponent("quartz", QuartzComponent.class).getScheduler();
        for (TriggerKey key : scheduler.getTriggerKeys(GroupMatcher.anyGroup())) {
            if (key.getName().equals("scheduled-look")) {
                return scheduler.getTrigger(key).getNextFireTime().toInstant();
            }
        }
        throw new AssertionError("no trigger of scheduled-look among " + scheduler.getTriggerKeys(GroupMatcher.anyGroup()));
    }

    @Test
    void aLookOfTheFutureCountsAsNow() throws Exception {
        Files.writeString(Files.createDirectories(folder.resolve("looks")).resolve("scheduled-look"), Instant.now().plus(5, ChronoUnit.DAYS) + "\n");
        assertThat(Looks.last(folder, "scheduled-look")).isBeforeOrEqualTo(Instant.now());
        Files.writeString(folder.resolve("looks/scheduled-look"), "yesterday");
        assertThat(Looks.last(folder, "scheduled-look")).as("what cannot be read").isBeforeOrEqualTo(Instant.now());
    }
}
