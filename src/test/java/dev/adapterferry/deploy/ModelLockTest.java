package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.OtherProcess;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.waiting.Stopping;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLockTest {
    @TempDir
    Path directory;

    @Test
    void saysWhoHoldsItWhenItIsNotFreeInTime() throws Exception {
        Path model = directory.resolve("majora");
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            Future<?> holder = threads.submit(() -> {
                try (ModelLock lock = ModelLock.hold(model, Duration.ZERO)) {
                    held.countDown();
                    done.await();
                }
                return null;
            });
            held.await();
            assertThatThrownBy(() -> ModelLock.hold(model, Duration.ofMillis(10))).isInstanceOf(TransientFailure.class)
                    .hasMessageContaining("Another deployment or rollback of majora is under way").hasMessageContaining("process " + ProcessHandle.current().pid() + ", since 2");
            assertThat(ModelLock.tryHold(model)).isEmpty();
            assertThat(OtherProcess.isLockedOut(model.resolve("lock"))).as("locked for others after somebody here asked who holds it").isTrue();
            done.countDown();
            holder.get();
        }
        ModelLock.tryHold(model).orElseThrow().close();
    }

    @Test
    void whoeverWaitsForItCanBeStoppedAndTakesWhatIsFreeAllTheSame() throws Exception {
        Path model = directory.resolve("majora");
        try (ModelLock _ = ModelLock.hold(model, Duration.ZERO)) {
            assertThat(Stopping.of(cancellation -> ModelLock.hold(model, Duration.ofMinutes(10)).close(), Stopping::sleeps)).isInstanceOf(Cancelled.class).hasMessageContaining("another deployment of majora");
        }
        Cancellation requested = new Cancellation();
        requested.request();
        requested.over(() -> ModelLock.hold(model, Duration.ZERO)).close();
    }

    @Test
    void itsHolderMayTakeItAgainAndOnlyTheLastCloseLetsItGo() throws Exception {
        Path model = directory.resolve("majora");
        try (ModelLock outer = ModelLock.hold(model, Duration.ZERO); ExecutorService threads = Executors.newSingleThreadExecutor()) {
            ModelLock.hold(model, Duration.ZERO).close();
            assertThat(threads.submit(() -> ModelLock.tryHold(model).isEmpty()).get()).as("still held").isTrue();
        }
        ModelLock.tryHold(model).orElseThrow().close();
    }
}
