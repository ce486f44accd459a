package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.alert.Amounts;
import dev.adapterferry.camel.LoneBuckets;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.AdapterSources;
import dev.adapterferry.stage.Diagnosis;
import dev.adapterferry.stage.DiskNeeds;
import dev.adapterferry.stage.Doctor;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Machine;
import dev.adapterferry.stage.PassagePlan;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.stage.StageTimes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Has the doctor look at a request, and the passage planned, in a scratch folder that is gone afterwards. */
final class Examination implements AutoCloseable {
    private final JdkHttpCaller http = new JdkHttpCaller();
    private final Path scratch;
    private final RunContext run;

    Examination(Settings settings, RunRequest request) {
        try {
            scratch = Files.createTempDirectory("ferry-doctor");
        } catch (IOException e) {
            throw new FerryException("Cannot make a temporary folder: " + e.getMessage() + ".", e);
        }
        run = new RunContext("not-a-run", request, settings, new Records(scratch), Progress.NONE, new Cancellation());
    }

    /** @param withAdapter false to judge the base alone */
    Doctor.Report examine(boolean withAdapter) {
        try (LoneBuckets buckets = new LoneBuckets(run.settings(), CommonOptions.installation())) {
            AdapterSources sources = new AdapterSources(http, (connection, login) -> connection, buckets);
            return new Doctor(sources, http, endpoint -> EmbeddedServers.answers(http, endpoint), Machine.here(), scratch).examine(run, withAdapter);
        }
    }

    /** Which stages would be done. An absent ledger is not made for it. */
    List<PassagePlan.Step> plan(Doctor.Report report) {
        String url = run.settings().ledger().url();
        if (url.startsWith("jdbc:sqlite:") && !Files.exists(Path.of(url.substring("jdbc:sqlite:".length()).replaceFirst("\\?.*", "")))) {
            return new PassagePlan(Optional.empty(), http).plan(run, report);
        }
        try (Ledger ledger = Ledgers.open(run.settings())) {
            return new PassagePlan(Optional.of(ledger), http).plan(run, report);
        }
    }

    /** The report for people. */
    static void print(Console console, String name, Doctor.Report report) {
        console.println(name);
        for (Diagnosis d : report.found()) {
            console.println(String.format(Locale.ROOT, "  %-8s %-13s %s", d.state() == Diagnosis.State.FAILED ? "FAILED" : d.state().name().toLowerCase(Locale.ROOT), d.check(), d.text()));
            if (!d.remedy().isEmpty()) {
                console.println(" ".repeat(25) + d.remedy());
            }
        }
        report.forecast().ifPresent(forecast -> {
            Table table = new Table("format", "size");
            forecast.formats().forEach(size -> table.row(size.format(), Console.bytes(size.bytes())));
            console.println("\n" + table);
        });
    }

    /** The same, with the stages. */
    static void print(Console console, String name, Doctor.Report report, List<PassagePlan.Step> steps) {
        print(console, name, report);
        Table table = new Table("stage", "", "why", "writes", "time");
        steps.forEach(step -> {
            long bytes = step.due() ? report.needs().stream().filter(need -> need.stage().equals(step.stage().text())).mapToLong(DiskNeeds.Need::bytes).sum() : 0;
            table.row(step.stage().text(), step.due() ? "due" : "skipped", step.why(), bytes > 0 ? Console.bytes(bytes) : "-",
                    step.time().map(time -> time.duration().map(Amounts::time).orElse("?") + " (" + time.basis() + ")").orElse("-"));
        });
        List<StageTimes.Time> times = steps.stream().flatMap(step -> step.time().stream()).toList();
        List<String> unknown = steps.stream().filter(step -> step.time().filter(time -> time.duration().isEmpty()).isPresent()).map(step -> step.stage().text()).toList();
        table.row("all", "", "", "", "about " + Amounts.time(times.stream().flatMap(time -> time.duration().stream()).reduce(Duration.ZERO, Duration::plus))
                + (unknown.isEmpty() ? "" : ", and " + String.join(", ", unknown)));
        console.println("\n" + table);
    }

    /** The same, with the stages. */
    static ObjectNode json(String name, Doctor.Report report, List<PassagePlan.Step> steps) {
        ObjectNode root = json(name, report);
        ArrayNode stages = root.putArray("stages");
        steps.forEach(step -> {
            ObjectNode stage = stages.addObject().put("stage", step.stage().text()).put("due", step.due()).put("why", step.why());
            step.time().ifPresent(time -> stage.put("millis", time.duration().map(Duration::toMillis).orElse(null)).put("basis", time.basis()));
        });
        return root;
    }

    /** The report for machines. */
    static ObjectNode json(String name, Doctor.Report report) {
        ObjectNode root = new ObjectMapper().createObjectNode().put("model", name).put("healthy", report.healthy());
        ArrayNode found = root.putArray("findings");
        report.found().forEach(d -> found.addObject().put("check", d.check()).put("state", d.state().name().toLowerCase(Locale.ROOT)).put("text", d.text()).put("remedy", d.remedy()));
        report.forecast().ifPresent(f -> {
            ObjectNode forecast = root.putObject("forecast").put("weights", f.weights()).put("sourceBytes", f.sourceBytes()).put("threads", f.threads()).put("computingMillis", f.computing().toMillis())
                    .put("movingMillis", f.moving().toMillis()).put("passMemoryBytes", f.passMemory()).put("servingBytes", f.serving());
            f.formats().forEach(size -> forecast.withArray("formats").addObject().put("format", size.format()).put("bytes", size.bytes()));
        });
        ArrayNode needs = root.putArray("disk");
        report.needs().forEach(need -> needs.addObject().put("stage", need.stage()).put("folder", need.folder().toString()).put("bytes", need.bytes()).put("fetched", need.fetched()));
        return root;
    }

    @Override
    public void close() {
        try {
            Folders.delete(scratch);
        } catch (IOException e) {
            throw new FerryException("Cannot delete the temporary folder " + scratch + ": " + e.getMessage() + ".", e);
        }
    }
}
