package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.waiting.Stopping;
import java.nio.file.Path;
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
        try (FolderLock _ = FolderLock.take(lock, "org/model")) {
            assertThat(Stopping.of(cancellation -> FolderLock.await(lock, "org/model", cancellation).close(), Stopping::sleeps)).isInstanceOf(Cancelled.class).hasMessageContaining("org/model");
        }
        FolderLock.await(lock, "org/model", new Cancellation()).close();
    }
}
