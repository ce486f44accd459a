package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.alert.Alert;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edits a copy of the real route files, and the settings, under the running daemon. */
class LiveEditingIT {
    private static final String MODELS = "  majora: {formats: [Q8_0]}\n  nayru: {formats: [Q8_0]}\n  veran: {formats: [Q8_0]}";

    @TempDir
    Path folder;

    private final List<String> carried = new CopyOnWriteArrayList<>();

    private StubbedDaemon daemon(Map<Stage, Consumer<RunContext>> work) throws IOException {
        return new StubbedDaemon(folder, MODELS, "", work);
    }

    private static Consumer<RunContext> recording(List<String> into) {
        return run -> into.add(run.name());
    }

    private static List<String> stages(StubbedDaemon daemon, Run run) {
        return daemon.ledger().stages().of(run.id()).stream().map(stage -> stage.name()).toList();
    }

    /** A step of the passage less. */
    private static String withoutEvaluation(String pipeline) {
        return pipeline.replace("        - to:\n            id: to-evaluate\n            uri: \"{{stage.evaluate}}\"\n", "");
    }

    @Test
    void aRunUnderWayFinishesOnItsOldRoutesAndTheNextTakesTheNewOnes() throws Exception {
        CountDownLatch merging = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Map<Stage, Consumer<RunContext>> work = Map.of(Stage.MERGE, run -> {
            merging.countDown();
            if (run.name().equals("majora")) {
                Waiting.behind(goOn);
            }
        });
        try (StubbedDaemon daemon = daemon(work)) {
            daemon.drop("majora");
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            RouteGeneration before = daemon.application().routes().live();
            daemon.edit("pipeline", LiveEditingIT::withoutEvaluation);
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            assertThat(daemon.application().routes().retiring()).as("the old one still carries majora").isEqualTo(1);
            goOn.countDown();
            StubbedDaemon.await("majora", () -> daemon.ended("majora"));
            assertThat(daemon.run("majora").state()).isEqualTo(RunState.DONE);
            assertThat(stages(daemon, daemon.run("majora"))).as("carried by the routes it began with").contains("evaluate");
            daemon.drop("nayru");
            StubbedDaemon.await("nayru", () -> daemon.ended("nayru"));
            assertThat(stages(daemon, daemon.run("nayru"))).contains("health-check").doesNotContain("evaluate");
            StubbedDaemon.await("the end of the old generation", () -> daemon.application().routes().retiring() == 0);
        }
    }

    @Test
    void addingRenamingAndDeletingFilesTakeEffect() throws Exception {
        try (StubbedDaemon daemon = daemon(Map.of(Stage.DOWNLOAD, recording(carried)))) {
            Path second = Files.createDirectories(folder.resolve("second"));
            // Added: a second inbox.
            daemon.edit("second-inbox", none -> secondInbox(second, "second-inbox"));
            Files.createFile(second.resolve("majora"));
            StubbedDaemon.await("the added way in", () -> daemon.ended("majora"));
            // Renamed, file and route: it goes on under its new name, once.
            Files.move(daemon.routes.resolve("second-inbox.camel.yaml"), folder.resolve("gone.yaml"));
            daemon.edit("other-inbox", none -> secondInbox(second, "other-inbox"));
            StubbedDaemon.await("the renamed route", () -> daemon.application().routes().live().context().getRoute("other-inbox") != null);
            assertThat(daemon.application().routes().live().context().getRoute("second-inbox")).isNull();
            Files.createFile(second.resolve("nayru"));
            StubbedDaemon.await("the renamed way in", () -> daemon.ended("nayru"));
            // Deleted: nobody looks there any more.
            Files.delete(daemon.routes.resolve("other-inbox.camel.yaml"));
            StubbedDaemon.await("the deletion", () -> daemon.application().routes().live().context().getRoute("other-inbox") == null);
            Files.createFile(second.resolve("veran"));
            daemon.drop("veran");
            StubbedDaemon.await("the first inbox", () -> daemon.ended("veran"));
            assertThat(second.resolve("veran")).as("left where it lies").exists();
            assertThat(carried).containsExactly("majora", "nayru", "veran");
            assertThat(daemon.alerts).isEmpty();
        }
    }

    private static String secondInbox(Path where, String id) {
        return """
                # A second inbox.
                # Expects: files named after models.
                - route:
                    id: %s
                    description: Starts a run for each file.
                    routeConfigurationId: error-handling
                    from:
                      uri: file
                      parameters:
                        directoryName: "%s"
                        initialDelay: 50
                        delay: 100
                      steps:
                        - bean:
                            ref: inbox
                            method: read
                        - to:
                            uri: direct:start-run
                """.formatted(id, where);
    }

    @Test
    void changedErrorHandlingReachesTheRoutesThatUseIt() throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        Map<Stage, Consumer<RunContext>> work = Map.of(Stage.DOWNLOAD, run -> {
            attempts.incrementAndGet();
            throw new FerryException("the server answered 404");
        });
        try (StubbedDaemon daemon = daemon(work)) {
            daemon.drop("majora");
            StubbedDaemon.await("majora", () -> daemon.ended("majora"));
            assertThat(attempts.get()).as("what cannot heal is not tried again").isEqualTo(1);
            RouteGeneration before = daemon.application().routes().live();
            // Only error-handling.camel.yaml is saved: everything that fails for good is tried twice more, at once.
            daemon.edit("error-handling", text -> text.replaceFirst("(?s)(- java\\.lang\\.Throwable\\s+handled:\\s+constant:\\s+expression: \"true\"\\s+)redeliveryPolicyRef: quietFailure",
                    "$1redeliveryPolicy: {maximumRedeliveries: 2, redeliveryDelay: \"1\", logExhausted: \"false\", logRetryAttempted: \"false\"}"));
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            attempts.set(0);
            daemon.drop("nayru");
            StubbedDaemon.await("nayru", () -> daemon.ended("nayru"));
            assertThat(attempts.get()).isEqualTo(3);
        }
    }

    /** A way to break a file, and what the message must say. */
    private record Breakage(String file, UnaryOperator<String> edit, String says, int line) { }

    private static Map<String, Breakage> breakages() {
        Map<String, Breakage> all = new LinkedHashMap<>();
        all.put("syntax", new Breakage("housekeeping", t -> t.replace("method: sweep", "method: [sweep"), "no YAML", 18));
        all.put("unknown step", new Breakage("housekeeping", t -> t.replace("- bean:", "- beam:"), "beam", 14));
        all.put("unknown component", new Breakage("housekeeping", t -> t.replace("uri: timer:", "uri: tymer:"), "tymer", 9));
        all.put("unknown bean", new Breakage("housekeeping", t -> t.replace("ref: housekeeping", "ref: hausmeister"), "hausmeister", 16));
        all.put("unknown method", new Breakage("housekeeping", t -> t.replace("method: sweep", "method: sweeep"), "sweeep", 17));
        all.put("unknown setting", new Breakage("housekeeping", t -> t.replace("period: 3600000", "period: \"{{retention.perjod}}\""), "retention.perjod", 11));
        all.put("duplicate id", new Breakage("watch-folder", t -> t.replace("id: watch-folder\n", "id: pipeline\n"), "'pipeline' is taken already (pipeline.camel.yaml", 34));
        all.put("wrong parameter", new Breakage("housekeeping", t -> t.replace("period: 3600000", "perjod: 3600000"), "perjod", 11));
        all.put("wrong value", new Breakage("housekeeping", t -> t.replace("period: 3600000", "period: soon"), "soon", 11));
        all.put("empty file", new Breakage("housekeeping", t -> "", "empty", 0));
        all.put("binary", new Breakage("housekeeping", t -> "\u007fELF\u0001\u0002\u0000", "control characters", 0));
        all.put("half-saved", new Breakage("housekeeping", t -> t.substring(0, t.indexOf("meters:")) + "\n", "no YAML", 11));
        all.put("unknown route configuration", new Breakage("housekeeping", t -> t.replace("Id: error-handling", "Id: error-handing"), "error-handing", 6));
        all.put("no list", new Breakage("housekeeping", t -> "route:\n  id: housekeeping\n", "list", 1));
        all.put("endpoint that nobody defines", new Breakage("watch-folder", t -> t.replace("uri: direct:start-run", "uri: direct:start-ran"), "direct:start-ran", 67));
        all.put("bean of the error handling", new Breakage("error-handling", t -> t.replaceFirst("method: cancel", "method: cancle"), "cancle", 33));
        return all;
    }

    @Test
    void brokenFilesAreRefusedWholeAndToldOnce() throws Exception {
        try (StubbedDaemon daemon = daemon(Map.of(Stage.DOWNLOAD, recording(carried)))) {
            RouteGeneration before = daemon.application().routes().live();
            int told = 0;
            for (Map.Entry<String, Breakage> each : breakages().entrySet()) {
                Breakage broken = each.getValue();
                Path file = daemon.routes.resolve(broken.file() + ".camel.yaml");
                byte[] good = Files.readAllBytes(file);
                daemon.edit(broken.file(), broken.edit());
                int expected = ++told;
                StubbedDaemon.await("the alert about " + each.getKey(), () -> daemon.alerts.size() >= expected);
                String alert = daemon.alerts.getLast();
                assertThat(alert).as(each.getKey()).contains(broken.file() + ".camel.yaml" + (broken.line() > 0 ? ", line " + broken.line() + "\"" : "\"")).contains(broken.says());
                assertThat(daemon.application().routes().live()).as("the old routes go on after " + each.getKey()).isSameAs(before);
                Files.write(file, good);
                RouteGeneration refusing = before;
                StubbedDaemon.await("the good text again after " + each.getKey(), () -> daemon.application().routes().live() != refusing);
                before = daemon.application().routes().live();
            }
            daemon.drop("majora");
            StubbedDaemon.await("a run after all that", () -> daemon.ended("majora"));
            assertThat(daemon.run("majora").state()).isEqualTo(RunState.DONE);
            assertThat(daemon.alerts).hasSize(told);
        }
    }

    @Test
    void settingsAreTakenOverRefusedOrLeftForTheNextStart() throws Exception {
        try (StubbedDaemon daemon = daemon(Map.of())) {
            Path home = daemon.settings().get().home();
            daemon.drop("ganon");
            StubbedDaemon.await("the refusal of a model that is not there yet", () -> daemon.alerts.size() == 1);
            String good = Files.readString(daemon.config);
            // A model more, taken over; another working directory, which is not.
            Files.writeString(daemon.config, good.replace("  majora:", "  ganon: {formats: [Q8_0]}\n  majora:").replace("home: " + home, "home: " + folder.resolve("elsewhere")));
            StubbedDaemon.await("the new model", () -> daemon.settings().get().models().containsKey("ganon"));
            assertThat(daemon.settings().get().home()).isEqualTo(home);
            daemon.drop("ganon");
            StubbedDaemon.await("its run", () -> daemon.ended("ganon"));
            // A wrong key: refused, told, and what was goes on.
            Files.writeString(daemon.config, good.replace("health: {every: 0}", "health: {evrey: 0}"));
            StubbedDaemon.await("the refusal", () -> daemon.alerts.size() == 2);
            assertThat(daemon.alerts.getLast()).contains("evrey").contains("every").contains("ferry.yaml");
            assertThat(daemon.settings().get().models()).containsKey("ganon");
            // What was told before an edit is not told again after it, when the alerts' own routes are others.
            Alert again = Alert.refused("something", "for one and the same reason");
            daemon.application().announcer().announce(again);
            StubbedDaemon.await("the third", () -> daemon.alerts.size() == 3);
            RouteGeneration before = daemon.application().routes().live();
            Files.writeString(daemon.config, good);
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            daemon.application().announcer().announce(again);
            daemon.application().announcer().announce(Alert.refused("something", "for another reason"));
            StubbedDaemon.await("the fourth", () -> daemon.alerts.size() == 4);
            assertThat(daemon.alerts.getLast()).contains("another reason");
        }
    }
}
