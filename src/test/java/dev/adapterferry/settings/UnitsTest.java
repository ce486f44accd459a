package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitsTest {
    @ParameterizedTest
    @CsvSource({"250ms,PT0.25S,250ms", "30s,PT30S,30s", "90s,PT1M30S,1m30s", "1h 30m,PT1H30M,1h30m", "36h,PT36H,1d12h", "30d,PT720H,30d", "0,PT0S,0s", "0s,PT0S,0s"})
    void readsTimesAndPrintsThemSoThatTheyReadBack(String text, Duration time, String printed) {
        assertThat(Durations.parse(text)).isEqualTo(time);
        assertThat(Durations.print(time)).isEqualTo(printed);
        assertThat(Durations.parse(printed)).isEqualTo(time);
        assertThat(org.apache.camel.util.TimeUtils.toMilliSeconds(printed)).as("as Camel reads it").isEqualTo(time.toMillis());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "30", "s", "-1s", "1.5s", "30 seconds", "1w", "99999999999999999999d", "9999999999999999d"})
    void refusesWhatIsNoTime(String text) {
        assertThatThrownBy(() -> Durations.parse(text)).isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("a time");
    }

    @ParameterizedTest
    @CsvSource({"0,0,0B", "512B,512,512B", "64KB,64000,64KB", "64kB,64000,64KB", "64KiB,65536,64KiB", "1.5GB,1500000000,1500MB", "5GB,5000000000,5GB", "5GiB,5368709120,5GiB", "2TB,2000000000000,2TB"})
    void readsSizesAndPrintsThemSoThatTheyReadBack(String text, long bytes, String printed) {
        assertThat(Size.parse(text)).isEqualTo(new Size(bytes)).hasToString(printed);
        assertThat(Size.parse(printed)).isEqualTo(new Size(bytes));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "5G", "GB", "-1B", "5iB", "5 gigabytes", "5PB", "99999999999TB"})
    void refusesWhatIsNoSize(String text) {
        assertThatThrownBy(() -> Size.parse(text)).isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("a size");
    }

    @Test
    void findsTheNearestNameButNoFarOne() {
        List<String> known = List.of("timeout", "load-timeout", "retries", "every");
        assertThat(Nearest.to("timout", known)).contains("timeout");
        assertThat(Nearest.to("tiemout", known)).contains("timeout");
        assertThat(Nearest.to("load_timeout", known)).contains("load-timeout");
        assertThat(Nearest.to("RETRIES", known)).contains("retries");
        assertThat(Nearest.to("colour", known)).isEmpty();
        assertThat(Nearest.distance("ca", "ac")).isEqualTo(1);
        assertThat(Nearest.distance("", "abc")).isEqualTo(3);
        assertThat(Nearest.distance("kitten", "sitting")).isEqualTo(3);
    }
}
