package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HashedFilesTest {
    @TempDir
    Path folder;
    private final HashedFiles hashed = new HashedFiles();
    private final AtomicInteger reads = new AtomicInteger();

    @Test
    void readsAFileOnceAndAgainWhenItLooksDifferent() throws IOException {
        Path file = Files.writeString(folder.resolve("a"), "ferry");
        assertThat(hash(file)).isEqualTo(Sha256.of("ferry".getBytes()));
        assertThat(hash(file)).isEqualTo(Sha256.of("ferry".getBytes()));
        assertThat(reads).hasValue(1);
        FileTime before = Files.getLastModifiedTime(file);
        Files.writeString(file, "crane");
        Files.setLastModifiedTime(file, FileTime.fromMillis(before.toMillis() + 1));
        assertThat(hash(file)).isEqualTo(Sha256.of("crane".getBytes()));
        assertThat(reads).hasValue(2);
        Path other = Files.writeString(folder.resolve("b"), "barge");
        Files.setLastModifiedTime(other, Files.getLastModifiedTime(file));
        Files.move(other, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(hash(file)).as("another file of the same size and time").isEqualTo(Sha256.of("barge".getBytes()));
    }

    @Test
    void believesWhatWasRememberedOnlyOfTheFileAsItWasBefore() throws IOException {
        Path file = Files.writeString(folder.resolve("a"), "ferry");
        HashedFiles.State before = HashedFiles.State.of(file);
        hashed.remember(file, before, "made up");
        assertThat(hash(file)).isEqualTo("made up");
        Files.writeString(file, "longer than before");
        hashed.remember(file, before, "made up");
        assertThat(hash(file)).isEqualTo(Sha256.of("longer than before".getBytes()));
    }

    private String hash(Path file) {
        return hashed.sha256(file, step -> reads.addAndGet(step.done() == step.total() ? 1 : 0), new Cancellation());
    }
}
