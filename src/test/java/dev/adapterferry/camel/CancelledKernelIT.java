package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.stage.StageWork;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cancellation by another process reaches the threads of a quantization that is under way. */
class CancelledKernelIT {
    @TempDir
    Path folder;

    @Test
    void stopsBetweenTwoRowBlocksAndLeavesNothingUnderAFinalName() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  captain: {base: %s, source: {url: "file:%s"}}
                source: {settle: 0}
                vast: {enabled: never}
                pipeline: {stages: [download, merge, quantize]}
                """.formatted(folder.resolve("home"), material.base(), material.training()));
        Settings settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        CountDownLatch under = new CountDownLatch(1);
        try (FerryApplication ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE, work -> work.stage() == Stage.QUANTIZE ? held(work, under) : work);
             Ledger other = Ledger.open(settings.ledger().url(), Optional.empty(), Optional.empty(), settings.ledger().lease())) {
            Thread canceller = Thread.ofVirtual().start(() -> {
                try {
                    under.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                other.runs().cancel(other.runs().newest(1).getFirst().id());
            });
            FerryApplication.Outcome outcome = ferry.carry(RunRequest.of("captain", "command"));
            canceller.join();
            assertThat(outcome.state()).isEqualTo(RunState.CANCELLED);
            assertThat(files(".gguf")).as("nothing under a final name").isZero();

            FerryApplication.Outcome again = ferry.retry(outcome.id());
            assertThat(again.state()).isEqualTo(RunState.DONE);
            assertThat(files(".gguf")).isEqualTo(3);
        }
    }

    private long files(String end) throws Exception {
        try (Stream<Path> all = Files.walk(folder.resolve("home"))) {
            return all.filter(path -> path.toString().endsWith(end)).count();
        }
    }

    /** The stage's real work, in which each report of progress waits until the cancellation has arrived: the pass cannot end before. */
    private static StageWork held(StageWork real, CountDownLatch under) {
        return new OtherWork(real, run -> {
            boolean first = under.getCount() > 0;
            Progress waiting = step -> {
                under.countDown();
                while (first && !run.cancellation().isRequested()) {
                    Thread.onSpinWait();
                    Thread.yield();
                }
            };
            return real.carry(new RunContext(run.id(), run.request(), run.settings(), run.records(), waiting, run.cancellation()));
        });
    }
}
