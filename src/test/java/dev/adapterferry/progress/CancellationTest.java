package dev.adapterferry.progress;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import org.junit.jupiter.api.Test;

class CancellationTest {
    @Test
    void stopsOnlyAfterTheRequest() {
        Cancellation cancellation = new Cancellation();
        assertThatCode(() -> cancellation.check("quantize")).doesNotThrowAnyException();
        cancellation.request();
        assertThatThrownBy(() -> cancellation.check("quantize")).isInstanceOf(Cancelled.class).hasMessageContaining("quantize");
    }
}
