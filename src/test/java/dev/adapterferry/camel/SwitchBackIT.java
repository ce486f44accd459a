package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.waiting.Waiting;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quartz.Scheduler;
import org.quartz.impl.SchedulerRepository;

/** Edits that can be built and only fail when they start: by then the old routes have stopped taking work, and must take it again. */
class SwitchBackIT {
    private static final String MODELS = "  majora: {formats: [Q8_0]}\n  nayru: {formats: [Q8_0]}\n  veran: {formats: [Q8_0]}";

    @TempDir
    Path folder;

    /** With a schedule that looks every second. */
    private StubbedDaemon daemon(Map<Stage, Consumer<RunContext>> work) throws Exception {
        return new StubbedDaemon(folder, MODELS, "http: {port: 0}", work) {
            @Override
            String timers() {
                return "vast: {enabled: never, poll: \"* * * * * ?\"}\nhealth: {every: 0}";
            }
        };
    }

    private static JsonNode route(StubbedDaemon daemon, String id) {
        try {
            return daemon.api().get("/api/routes", 200).valueStream().filter(route -> route.path("id").asText().equals(id)).findFirst().orElseThrow();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Inbox, schedule and API work. */
    private static void assertThatAllWaysInWork(StubbedDaemon daemon) throws Exception {
        daemon.drop("nayru");
        String run = daemon.api().post("/api/runs", "{\"model\":\"veran\"}", 202).path("run").asText();
        assertThat(daemon.api().events(run)).contains("event: done");
        StubbedDaemon.await("the run by the inbox", () -> daemon.ledger().runs().of("nayru", 1).stream().anyMatch(each -> each.state() == RunState.DONE));
        long looks = route(daemon, "scheduled-pull").path("done").asLong();
        StubbedDaemon.await("the next look of the schedule", () -> route(daemon, "scheduled-pull").path("done").asLong() > looks);
        assertThat(daemon.api().get("/observe/health", 200).path("status").asText()).isEqualTo("UP");
    }

    @Test
    void aRouteThatFailsWhenItStartsLeavesTheOldOnesAtWork() throws Exception {
        CountDownLatch merging = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        try (StubbedDaemon daemon = daemon(Map.of(Stage.MERGE, run -> {
            merging.countDown();
            Waiting.behind(goOn);
        }))) {
            daemon.drop("majora");
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            RouteGeneration before = daemon.application().routes().live();
            Collection<Scheduler> schedulers = SchedulerRepository.getInstance().lookupAll();
            // Only the scheduler itself reads the expression, when the route starts.
            daemon.edit("scheduled-pull", text -> text.replace("cron: \"{{vast.poll}}\"", "cron: \"every now and then\""));
            StubbedDaemon.await("the refusal", () -> !daemon.alerts.isEmpty());
            int line = 1 + Files.readAllLines(folder.resolve("routes/scheduled-pull.camel.yaml")).indexOf("        cron: \"every now and then\"");
            assertThat(daemon.alerts.getLast()).contains("scheduled-pull.camel.yaml, line " + line + "\"").containsIgnoringCase("every now and then");
            assertThat(daemon.application().routes().live()).isSameAs(before);
            assertThat(daemon.application().routes().retiring()).isZero();
            assertThat(daemon.run("majora").state()).as("under way all the time").isEqualTo(RunState.RUNNING);
            goOn.countDown();
            assertThatAllWaysInWork(daemon);
            assertThat(daemon.run("majora").state()).isEqualTo(RunState.DONE);

            daemon.edit("scheduled-pull", text -> text.replace("cron: \"every now and then\"", "cron: \"0/2 * * * * ?\""));
            StubbedDaemon.await("the mended file", () -> daemon.application().routes().live() != before);
            StubbedDaemon.await("the end of the old generation", () -> daemon.application().routes().retiring() == 0);
            assertThat(SchedulerRepository.getInstance().lookupAll()).as("of what failed and of what ended no scheduler is left").hasSameSizeAs(schedulers);
            long looks = route(daemon, "scheduled-pull").path("done").asLong();
            StubbedDaemon.await("the new schedule, which does not end with the old one's", () -> route(daemon, "scheduled-pull").path("done").asLong() > looks + 1);
            assertThat(daemon.alerts).hasSize(1);
        }
    }

    @Test
    void aPortThatIsTakenLeavesTheOldOneServed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress()); StubbedDaemon daemon = daemon(Map.of())) {
            RouteGeneration before = daemon.application().routes().live();
            Files.writeString(daemon.config, Files.readString(daemon.config).replace("http: {port: 0}", "http: {port: " + taken.getLocalPort() + "}"));
            StubbedDaemon.await("the refusal", () -> !daemon.alerts.isEmpty());
            assertThat(daemon.alerts.getLast()).contains("ferry.yaml").contains(Integer.toString(taken.getLocalPort())).contains("http.port");
            assertThat(daemon.application().routes().live()).isSameAs(before);
            assertThat(daemon.settings().get().http().port()).as("not adopted").isZero();
            assertThatAllWaysInWork(daemon);
        }
    }
}
