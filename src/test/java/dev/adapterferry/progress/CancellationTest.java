package dev.adapterferry.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class CancellationTest {
    private final Cancellation cancellation = new Cancellation();

    @Test
    void stopsOnlyAfterTheRequest() {
        assertThatCode(() -> cancellation.check("quantize")).doesNotThrowAnyException();
        cancellation.request();
        assertThatThrownBy(() -> cancellation.check("quantize")).isInstanceOf(Cancelled.class).hasMessageContaining("quantize");
    }

    @Test
    void holdsForTheThreadThatItIsBoundTo() {
        assertThat(Cancellation.current().isRequested()).isFalse();
        assertThat(cancellation.over(Cancellation::current)).isSameAs(cancellation);
        assertThat(Cancellation.current()).isNotSameAs(cancellation);
        assertThatThrownBy(() -> Cancellation.current().request()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void runsHooksOnceUnlessTheyAreClosed() {
        List<String> ran = new ArrayList<>();
        cancellation.onRequest(() -> ran.add("kept"));
        cancellation.onRequest(() -> ran.add("closed")).close();
        cancellation.request();
        cancellation.request();
        cancellation.onRequest(() -> ran.add("late"));
        assertThat(ran).containsExactly("kept", "late");
    }

    /** Requests as soon as somebody waits for it. */
    private CountDownLatch requestLater() {
        CountDownLatch waiting = new CountDownLatch(1);
        Thread.ofVirtual().start(() -> {
            try {
                waiting.await();
                cancellation.request();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        return waiting;
    }

    @Test
    void endsAWaitAndLeavesNoInterruptBehind() {
        CountDownLatch waiting = requestLater();
        assertThatThrownBy(() -> cancellation.interrupting("waiting for Godot", () -> {
            waiting.countDown();
            new CountDownLatch(1).await();
            return null;
        })).isInstanceOf(Cancelled.class).hasMessageContaining("Godot");
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
        assertThatThrownBy(() -> cancellation.pause("resting", Duration.ofDays(1))).isInstanceOf(Cancelled.class);
    }

    @Test
    void takesWhatABrokenWaitThrowsForTheEndThatWasAskedFor() {
        CountDownLatch waiting = requestLater();
        assertThatThrownBy(() -> cancellation.interrupting("listening", () -> {
            waiting.countDown();
            try {
                new CountDownLatch(1).await();
                return "";
            } catch (InterruptedException e) {
                throw new IOException("closed by interrupt", e);
            }
        })).isInstanceOf(Cancelled.class);
    }

    @Test
    void passesResultsAndFailuresOn() {
        assertThat(cancellation.interrupting("asking", () -> 42)).isEqualTo(42);
        assertThat(cancellation.apart("asking", () -> Thread.currentThread().isVirtual())).isTrue();
        assertThatThrownBy(() -> cancellation.interrupting("asking", () -> {
            throw new IOException("no route");
        })).isInstanceOf(IOException.class).hasMessage("no route");
        assertThatThrownBy(() -> cancellation.apart("asking", () -> {
            throw new IllegalArgumentException("no such thing");
        })).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void keepsAnInterruptThatSomebodyElseSent() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> cancellation.pause("resting", Duration.ofDays(1))).isInstanceOf(Cancelled.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void closesASocketThatIsReadApart() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress()); Socket client = new Socket(server.getInetAddress(), server.getLocalPort()); Socket silent = server.accept()) {
            CountDownLatch waiting = requestLater();
            assertThatThrownBy(() -> cancellation.apart("reading", () -> {
                waiting.countDown();
                try {
                    return client.getInputStream().read();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            })).isInstanceOf(Cancelled.class);
            assertThat(silent.getInputStream().read()).as("the other side sees the end").isEqualTo(-1);
        }
    }
}
