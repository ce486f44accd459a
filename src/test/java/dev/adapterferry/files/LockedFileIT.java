package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Locks as another process finds them. */
class LockedFileIT {
    private static final Set<StandardOpenOption> WRITE = Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE);

    @TempDir
    Path folder;

    @Test
    void aRefusalInThisProcessDoesNotOpenItForOthers() throws Exception {
        Path file = folder.resolve("file");
        try (LockedFile held = LockedFile.open(file, WRITE).orElseThrow()) {
            assertThat(LockedFile.open(file, WRITE)).isEmpty();
            assertThat(LockedFile.open(folder.resolve("../" + folder.getFileName() + "/file"), WRITE)).isEmpty();
            assertThat(OtherProcess.isLockedOut(file)).isTrue();
            held.close();
        }
        assertThat(OtherProcess.isLockedOut(file)).isFalse();
        LockedFile.open(file, WRITE).orElseThrow().close();
    }

    @Test
    void aFolderLockHoldsAgainstOtherProcesses() throws Exception {
        Path file = folder.resolve("lock");
        try (FolderLock _ = FolderLock.take(file, "the adapter")) {
            assertThat(OtherProcess.isLockedOut(file)).isTrue();
        }
        assertThat(Files.exists(file)).isFalse();
    }
}
