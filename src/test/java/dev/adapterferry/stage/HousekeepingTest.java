package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageFile;
import dev.adapterferry.ledger.StageRecord;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HousekeepingTest {
    private static final Instant LONG_AGO = Instant.parse("2020-01-01T00:00:00Z");

    @TempDir
    Path home;

    private Ledger ledger;

    @BeforeEach
    void open() {
        ledger = Ledger.open("jdbc:sqlite:" + home.resolve("ledger.db"), Optional.empty(), Optional.empty(), java.time.Duration.ofSeconds(30));
    }

    @AfterEach
    void close() {
        ledger.close();
    }

    private Settings settings(String... overrides) throws IOException {
        Path file = Files.writeString(home.resolve("ferry.yaml"), "home: " + home + "\nmodels: {majora: {source: {url: \"file:/nowhere\"}}}\n");
        Map<String, String> all = new java.util.HashMap<>();
        for (String override : overrides) {
            all.put(override.substring(0, override.indexOf('=')), override.substring(override.indexOf('=') + 1));
        }
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), all).settings();
    }

    private Run run(String model, RunState end) throws IOException {
        Run run = ledger.runs().open(model, "command", "{\"model\":\"" + model + "\"}", "{}", home.resolve("runs")).run();
        Files.createDirectories(run.folder());
        Files.writeString(run.folder().resolve("run.log"), "a line\n");
        if (end != null) {
            ledger.runs().end(run.id(), end, null);
        }
        return run;
    }

    private Path old(String file) throws IOException {
        Path path = home.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, "x");
        Files.setLastModifiedTime(path, FileTime.from(LONG_AGO));
        Files.setLastModifiedTime(path.getParent(), FileTime.from(LONG_AGO));
        return path;
    }

    @Test
    void forgetsWhatIsOldAndNothingThatSomebodyNeeds() throws Exception {
        Run done = run("majora", RunState.DONE);
        Run waiting = run("majora", null);
        Run failed = run("nayru", RunState.FAILED);
        ledger.letters().add(failed.id(), "nayru", "merge", "{}", "no", 1, null);
        Files.createDirectories(home.resolve("failed"));
        Path letter = Files.writeString(home.resolve("failed").resolve(failed.id() + ".json"), "{}");
        Path oldLog = old("logs/ferry-2020-01-01.jsonl");
        Path notOurs = old("logs/somebody-elses.txt");
        Path gone = old("gguf/veran/abc/veran-Q8_0.gguf");
        Files.setLastModifiedTime(home.resolve("gguf/veran"), FileTime.from(LONG_AGO));
        Path adapter = old("adapters/veran/adapter_model.safetensors");
        Path merged = old("merged/veran/model.safetensors");
        Path stillKnown = old("gguf/majora/abc/majora-Q8_0.gguf");
        Files.setLastModifiedTime(home.resolve("gguf/majora"), FileTime.from(LONG_AGO));
        Path dropped = old("inbox/.done/majora.20200101-000000-majora-0000");

        String nothing = new Housekeeping(settings(), ledger).sweep();
        assertThat(done.folder()).as("ninety days have not passed: " + nothing).exists();
        assertThat(oldLog).doesNotExist();
        assertThat(notOurs).exists();
        assertThat(gone).as("no run of veran is known any more").doesNotExist();
        assertThat(adapter).doesNotExist();
        assertThat(merged).doesNotExist();
        assertThat(stillKnown).exists();
        assertThat(dropped).doesNotExist();

        Thread.sleep(5);
        new Housekeeping(settings("retention.runs=1ms"), ledger).sweep();
        assertThat(done.folder()).doesNotExist();
        assertThat(ledger.runs().find(done.id())).isEmpty();
        assertThat(waiting.folder()).as("waits").exists();
        assertThat(failed.folder()).as("its letter waits").exists();
        new Housekeeping(settings("retention.failed=1ms"), ledger).sweep();
        assertThat(letter).doesNotExist();
        assertThat(ledger.letters().open()).isEmpty();
    }

    @Test
    void forgetsReportsAndConvertedBasesThatNobodyAskedFor() throws Exception {
        Path report = old("evaluations/majora/20200101-000000/evaluation.json");
        Path fresh = Files.writeString(Files.createDirectories(home.resolve("evaluations/majora/20261128-000000")).resolve("evaluation.json"), "{}");
        Path base = old("bases/0123456789ab/demo-base-Q8_0.gguf");
        Path used = old("bases/ba9876543210/demo-base-Q8_0.gguf");
        Files.setLastModifiedTime(used.getParent(), FileTime.from(Instant.now()));
        new Housekeeping(settings("retention.evaluations=36500d", "retention.bases=36500d"), ledger).sweep();
        assertThat(List.of(report, fresh, base, used)).allSatisfy(file -> assertThat(file).exists());
        assertThat(new Housekeeping(settings(), ledger).sweep()).contains("1 evaluations, 1 converted bases");
        assertThat(report.getParent()).doesNotExist();
        assertThat(fresh).exists();
        assertThat(base.getParent()).doesNotExist();
        assertThat(used).exists();
    }

    @Test
    void leavesTheFilesOfAModelAloneThatIsBeingCarried() throws Exception {
        Path file = old("gguf/veran/abc/veran-Q8_0.gguf");
        Files.setLastModifiedTime(home.resolve("gguf/veran"), FileTime.from(LONG_AGO));
        try (Ledger other = Ledger.open("jdbc:sqlite:" + home.resolve("ledger.db"), Optional.empty(), Optional.empty(), java.time.Duration.ofSeconds(30));
             var lease = other.locks().tryAcquire("model veran", null, new Cancellation()).orElseThrow()) {
            new Housekeeping(settings(), ledger).sweep();
            assertThat(file).exists();
        }
        new Housekeeping(settings(), ledger).sweep();
        assertThat(file).doesNotExist();
    }

    @Test
    void keepsTheNewestPassAndDropsWhatItReplaced() throws Exception {
        Path replaced = old("gguf/majora/first/majora-Q8_0.gguf");
        Path newest = old("gguf/majora/second/majora-Q8_0.gguf");
        Path unfinished = old("gguf/majora/third/journal");
        Run run = run("majora", null);
        ledger.stages().done(run.id(), run.folder(), new StageRecord("quantize", "key", run.id(), Instant.now(), Instant.now(), List.of(StageFile.of(newest)), Map.of()));

        Intermediates.clean(context(run, "pipeline.cleanup=never"), RunState.DONE, ledger);
        Intermediates.clean(context(run, "pipeline.cleanup=on-success"), RunState.FAILED, ledger);
        assertThat(List.of(replaced, newest, unfinished)).allSatisfy(file -> assertThat(file).exists());
        Intermediates.clean(context(run, "pipeline.cleanup=on-success"), RunState.DONE, ledger);
        assertThat(newest).exists();
        assertThat(replaced).doesNotExist();
        assertThat(unfinished).doesNotExist();
        Path again = old("gguf/majora/fourth/journal");
        Intermediates.clean(context(run, "pipeline.cleanup=always"), RunState.CANCELLED, ledger);
        assertThat(again).doesNotExist();
        assertThat(newest).exists();
    }

    private RunContext context(Run run, String override) throws IOException {
        return new RunContext(run.id(), RunRequest.of("majora", "command"), settings(override), new Records(run.folder()), Progress.NONE, new Cancellation());
    }
}
