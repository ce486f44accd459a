package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DigestsTest {
    @TempDir
    Path folder;

    @Test
    void readsAgainOnlyWhatWasTouched() throws IOException {
        Path file = Files.writeString(folder.resolve("model.gguf"), "one");
        FileTime time = Files.getLastModifiedTime(file);
        Digests digests = Digests.remembered();
        String first = digests.of(file);
        assertThat(first).isEqualTo(Sha256.of(file));

        // Same size, same time, same place: taken for the same file, which is the price of not reading it.
        Files.writeString(file, "two");
        Files.setLastModifiedTime(file, time);
        assertThat(digests.of(file)).isEqualTo(first);

        Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 2000));
        assertThat(digests.of(file)).isEqualTo(Sha256.of(file)).isNotEqualTo(first);
        Files.writeString(file, "three");
        assertThat(digests.of(file)).isEqualTo(Sha256.of(file));
    }

    @Test
    void freshReadsAlwaysAndNoneNever() throws IOException {
        Path file = Files.writeString(folder.resolve("model.gguf"), "one");
        assertThat(Digests.fresh().of(file)).isEqualTo(Sha256.of(file));
        assertThat(Digests.none().of(file)).isNull();
    }
}
