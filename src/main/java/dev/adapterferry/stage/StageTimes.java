package dev.adapterferry.stage;

import dev.adapterferry.alert.Amounts;
import dev.adapterferry.settings.Stage;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * How long the stages of a request will take, and on what that rests: sizes that are known, rates that an earlier run of the model, the
 * settings or the doctor's own timing give. What nobody has measured stays unknown.
 */
public final class StageTimes {
    /** 100 Mbit/s: an example for those who know their network, never counted as known. */
    private static final long EXAMPLE_RATE = 12_500_000;

    private final Function<Stage, Optional<Past>> past;
    private final OptionalLong limit;

    /**
     * What an earlier run needed.
     *
     * @param run   which one
     * @param took  time of the stage
     * @param bytes what came over the network, 0 when nothing did
     */
    record Past(String run, Duration took, long bytes) { }

    /**
     * One stage.
     *
     * @param duration how long; empty when it cannot be told
     * @param basis    on what that rests, or what it would depend on
     */
    public record Time(Optional<Duration> duration, String basis) {
        static Time known(Duration duration, String basis) {
            return new Time(Optional.of(duration), basis);
        }

        static Time unknown(String basis) {
            return new Time(Optional.empty(), basis);
        }
    }

    /**
     * @param past  the newest run of the model that did a stage's work
     * @param limit bytes per second that a download may take, where the settings limit it
     */
    StageTimes(Function<Stage, Optional<Past>> past, OptionalLong limit) {
        this.past = past;
        this.limit = limit;
    }

    /**
     * The time of a stage that is due.
     *
     * @param report sizes and the time of the pass
     */
    Time of(Stage stage, Doctor.Report report) {
        long fetched = report.needs().stream().filter(need -> need.stage().equals(stage.text()) && need.fetched()).mapToLong(DiskNeeds.Need::bytes).sum();
        long written = report.needs().stream().filter(need -> need.stage().equals(stage.text()) && !need.fetched()).mapToLong(DiskNeeds.Need::bytes).sum();
        return switch (stage) {
            case DOWNLOAD -> fetched == 0 ? Time.known(Duration.ZERO, "nothing to transfer") : download(fetched);
            case MERGE -> fetched > 0 ? unknown(fetched) : written > 0 ? disk(written, "to write the merged checkpoint") : Time.known(Duration.ZERO, "merged during the pass");
            case QUANTIZE -> report.forecast().map(f -> Time.known(f.pass(), f.computing().compareTo(f.moving()) > 0 ? "kernels timed just now, " + f.threads() + " threads"
                    : Amounts.bytes(f.sourceBytes() + f.outputBytes()) + " through a disk of an assumed " + Amounts.bytes(Forecast.ASSUMED_DISK_RATE) + "/s")).orElse(Time.unknown("the model could not be planned"));
            case DEPLOY -> written == 0 ? Time.known(Duration.ZERO, "files are linked, not copied") : disk(written, "to copy the files");
            default -> past.apply(stage).map(p -> Time.known(p.took(), "as in run " + p.run())).orElse(Time.unknown("was never done"));
        };
    }

    private Time download(long bytes) {
        Optional<Past> earlier = past.apply(Stage.DOWNLOAD).filter(p -> p.bytes() > 0 && !p.took().isZero());
        double measured = earlier.map(p -> p.bytes() * 1e9 / p.took().toNanos()).orElse(Double.MAX_VALUE);
        if (limit.isPresent() && limit.getAsLong() <= measured) {
            return at(bytes, limit.getAsLong(), "the limit of " + Amounts.bytes(limit.getAsLong()) + "/s (source.bandwidth-limit)");
        }
        return earlier.map(p -> at(bytes, measured, "at " + Amounts.bytes((long) measured) + "/s, as in run " + p.run())).orElseGet(() -> unknown(bytes));
    }

    private static Time unknown(long bytes) {
        return Time.unknown("depends on the network: " + Amounts.time(atExampleRate(bytes)) + " at 100 Mbit/s");
    }

    private static Time disk(long bytes, String what) {
        return at(bytes, Forecast.ASSUMED_DISK_RATE, what + ", on a disk of an assumed " + Amounts.bytes(Forecast.ASSUMED_DISK_RATE) + "/s");
    }

    private static Time at(long bytes, double rate, String basis) {
        return Time.known(Duration.ofNanos((long) (bytes / rate * 1e9)), basis);
    }

    /** The time of a download at 100 Mbit/s. */
    static Duration atExampleRate(long bytes) {
        return Duration.ofMillis(bytes * 1000 / EXAMPLE_RATE);
    }
}
