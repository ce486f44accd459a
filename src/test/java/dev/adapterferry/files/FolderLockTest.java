package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.waiting.Waiting;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two who want the same place. */
class FolderLockTest {
    @TempDir
    Path folder;

    @Test
    void locksOutTheSecondUntilTheFirstIsDone() {
        Path lock = folder.resolve("lock");
        try (FolderLock held = FolderLock.take(lock, "the adapter")) {
            assertThat(held).isNotNull();
            assertThatThrownBy(() -> FolderLock.take(lock, "the adapter")).isInstanceOf(TransientFailure.class).hasMessageContaining("the adapter");
        }
        assertThat(lock).doesNotExist();
        FolderLock.take(lock, "the adapter").close();
    }

    @Test
    void whoeverWaitsForItCanBeStopped() throws Exception {
        Path lock = folder.resolve("lock");
        Cancellation cancellation = new Cancellation();
        try (FolderLock _ = FolderLock.take(lock, "org/model")) {
            CompletableFuture<Throwable> end = new CompletableFuture<>();
            Thread waiter = Thread.ofPlatform().daemon().start(() -> {
                try (FolderLock second = FolderLock.await(lock, "org/model", cancellation)) {
                    end.completeExceptionally(new AssertionError("taken twice: " + second));
                } catch (RuntimeException e) {
                    end.complete(e);
                }
            });
            Waiting.until("it waits", () -> waiter.getState() == Thread.State.TIMED_WAITING);
            cancellation.request();
            assertThat(end.join()).isInstanceOf(Cancelled.class).hasMessageContaining("org/model");
        }
        FolderLock.await(lock, "org/model", new Cancellation()).close();
    }
}
