package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The arithmetic of the times that a dry run says, and what it does not pretend to know. */
class StageTimesTest {
    private static final StageTimes.Past EARLIER = new StageTimes.Past("run-1", Duration.ofSeconds(10), 200_000_000);

    private static Doctor.Report report(DiskNeeds.Need... needs) {
        Forecast forecast = new Forecast(1, 4_000_000_000L, List.of(new Forecast.Size("Q8_0", 1_000_000_000)), 2, Duration.ofSeconds(4), Duration.ofSeconds(10), 0, 0);
        return new Doctor.Report(List.of(), Optional.of(forecast), List.of(needs));
    }

    private static DiskNeeds.Need need(Stage stage, long bytes, boolean fetched) {
        return new DiskNeeds.Need(stage.text(), Path.of("/"), bytes, fetched);
    }

    private static StageTimes times(OptionalLong limit, StageTimes.Past... earlier) {
        return new StageTimes(stage -> List.of(earlier).stream().findFirst(), limit);
    }

    @Test
    void downloadsGoAtTheRateOfTheRunBeforeOrAtTheLimit() {
        Doctor.Report report = report(need(Stage.DOWNLOAD, 1_000_000_000, true));
        assertThat(times(OptionalLong.empty(), EARLIER).of(Stage.DOWNLOAD, report)).isEqualTo(StageTimes.Time.known(Duration.ofSeconds(50), "at 20.0 MB/s, as in run run-1"));
        assertThat(times(OptionalLong.of(5_000_000), EARLIER).of(Stage.DOWNLOAD, report)).isEqualTo(StageTimes.Time.known(Duration.ofSeconds(200), "the limit of 5.0 MB/s (source.bandwidth-limit)"));
        assertThat(times(OptionalLong.of(50_000_000), EARLIER).of(Stage.DOWNLOAD, report).duration()).as("a limit above what the network gave limits nothing").contains(Duration.ofSeconds(50));
        assertThat(times(OptionalLong.of(5_000_000)).of(Stage.DOWNLOAD, report).duration()).contains(Duration.ofSeconds(200));
        assertThat(times(OptionalLong.empty()).of(Stage.DOWNLOAD, report())).isEqualTo(StageTimes.Time.known(Duration.ZERO, "nothing to transfer"));
    }

    @Test
    void aNetworkThatNobodyMeasuredIsUnknown() {
        Doctor.Report report = report(need(Stage.DOWNLOAD, 1_000_000_000, true), need(Stage.MERGE, 16_000_000_000L, true));
        assertThat(times(OptionalLong.empty()).of(Stage.DOWNLOAD, report)).isEqualTo(StageTimes.Time.unknown("depends on the network: 1 min 20 s at 100 Mbit/s"));
        assertThat(times(OptionalLong.empty(), EARLIER).of(Stage.MERGE, report)).as("the base comes from the hub, not from where the adapter came").isEqualTo(
                StageTimes.Time.unknown("depends on the network: 21 min 20 s at 100 Mbit/s"));
    }

    @Test
    void thePassTakesTheLongerOfKernelsAndDisk() {
        StageTimes.Time time = times(OptionalLong.empty()).of(Stage.QUANTIZE, report());
        assertThat(time.duration()).contains(Duration.ofSeconds(10));
        assertThat(time.basis()).isEqualTo("5.0 GB through a disk of an assumed 500.0 MB/s");
        assertThat(times(OptionalLong.empty()).of(Stage.QUANTIZE, new Doctor.Report(List.of(), Optional.empty(), List.of())).duration()).isEmpty();
    }

    @Test
    void deploymentsCopyOrLink() {
        assertThat(times(OptionalLong.empty()).of(Stage.DEPLOY, report(need(Stage.DEPLOY, 2_000_000_000, false))).duration()).contains(Duration.ofSeconds(4));
        assertThat(times(OptionalLong.empty()).of(Stage.DEPLOY, report(need(Stage.DEPLOY, 0, false)))).isEqualTo(StageTimes.Time.known(Duration.ZERO, "files are linked, not copied"));
        assertThat(times(OptionalLong.empty()).of(Stage.MERGE, report(need(Stage.MERGE, 500_000_000, false))).duration()).as("a merged checkpoint that is saved").contains(Duration.ofSeconds(1));
    }

    @Test
    void questionsTakeAsLongAsTheyTookBefore() {
        assertThat(times(OptionalLong.empty(), EARLIER).of(Stage.EVALUATE, report())).isEqualTo(StageTimes.Time.known(Duration.ofSeconds(10), "as in run run-1"));
        assertThat(times(OptionalLong.empty()).of(Stage.HEALTH_CHECK, report())).isEqualTo(StageTimes.Time.unknown("was never done"));
    }
}
