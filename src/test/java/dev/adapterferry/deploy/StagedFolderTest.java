package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs({OS.LINUX, OS.MAC})
class StagedFolderTest {
    private static final Predicate<String> OURS = name -> name.startsWith("majora-");

    @TempDir
    Path directory;

    private Path place;
    private StagedFolder staged;

    @BeforeEach
    void fill() throws IOException {
        place = Files.createDirectories(directory.resolve("acme/majora"));
        staged = new StagedFolder(place);
        Files.writeString(place.resolve("majora-Q4_K_M.gguf"), "old");
        Files.writeString(place.resolve("mmproj.gguf"), "projector");
        Files.writeString(Files.createDirectories(place.resolve("notes/more")).resolve("readme.txt"), "mine");
        Files.createSymbolicLink(place.resolve("link"), Path.of("notes/more"));
    }

    private void stage(String content) throws IOException {
        staged.make();
        Files.writeString(staged.path().resolve("majora-Q4_K_M.gguf"), content);
        Files.writeString(staged.path().resolve("majora-Q8_0.gguf"), content);
    }

    @Test
    void takesThePlaceWithWhatOthersKeepThere() throws IOException {
        assertThat(staged.isPossible()).isTrue();
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwx---"));
        Object projector = Files.getAttribute(place.resolve("mmproj.gguf"), "unix:ino");
        stage("new");
        long mark = staged.mark();
        assertThat(staged.isWaiting(mark)).isTrue();
        assertThat(staged.adopt(OURS)).isTrue();
        assertThat(place.resolve("majora-Q4_K_M.gguf")).hasContent("old");
        staged.takePlace();
        assertThat(staged.isWaiting(mark)).isFalse();
        assertThat(staged.isInPlace(mark)).isTrue();
        staged.retire(OURS);

        assertThat(place.resolve("majora-Q4_K_M.gguf")).hasContent("new");
        assertThat(place.resolve("majora-Q8_0.gguf")).hasContent("new");
        assertThat(Files.getAttribute(place.resolve("mmproj.gguf"), "unix:ino")).as("the very file").isEqualTo(projector);
        assertThat(place.resolve("notes/more/readme.txt")).hasContent("mine");
        assertThat(Files.readSymbolicLink(place.resolve("link"))).isEqualTo(Path.of("notes/more"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(place))).isEqualTo("rwxrwx---");
        assertThat(directory.resolve("acme")).isDirectoryContaining(path -> path.equals(place)).isDirectoryNotContaining(path -> !path.equals(place));
    }

    @Test
    void bringsAlongWhatOthersWriteAtTheLastMoment() throws IOException {
        stage("new");
        staged.adopt(OURS);
        Files.writeString(place.resolve("late.gguf"), "late");
        Files.writeString(place.resolve("notes/later.txt"), "later");
        Files.delete(place.resolve("mmproj.gguf"));
        Files.writeString(place.resolve("mmproj.gguf"), "a better projector");
        Files.setLastModifiedTime(place.resolve("mmproj.gguf"), FileTime.from(Instant.now().plusSeconds(5)));
        staged.takePlace();
        staged.retire(OURS);

        assertThat(place.resolve("late.gguf")).hasContent("late");
        assertThat(place.resolve("notes/later.txt")).hasContent("later");
        assertThat(place.resolve("mmproj.gguf")).hasContent("a better projector");
        assertThat(place.resolve("majora-Q4_K_M.gguf")).hasContent("new");
    }

    @Test
    void leavesOnlyWhatOthersKeepOrNothing() throws IOException {
        assertThat(staged.leave(OURS)).isTrue();
        staged.retire(OURS);
        assertThat(place.resolve("majora-Q4_K_M.gguf")).doesNotExist();
        assertThat(place.resolve("mmproj.gguf")).hasContent("projector");

        assertThat(staged.leave(name -> true)).as("files in folders are never ours").isTrue();
        staged.retire(name -> true);
        assertThat(place.resolve("notes/more/readme.txt")).hasContent("mine");

        Path alone = Files.createDirectories(directory.resolve("acme/alone"));
        Files.writeString(alone.resolve("majora-Q8_0.gguf"), "old");
        StagedFolder rest = new StagedFolder(alone);
        assertThat(rest.leave(OURS)).isTrue();
        rest.retire(OURS);
        assertThat(alone).doesNotExist();
        assertThat(rest.path().getParent()).doesNotExist();
    }

    @Test
    void neverReplacesAFolderThatIsALink() throws IOException {
        Path link = Files.createSymbolicLink(directory.resolve("acme/linked"), place);
        assertThat(new StagedFolder(link).isPossible()).isFalse();
        assertThat(new StagedFolder(place.resolve("mmproj.gguf")).isPossible()).isFalse();
        assertThat(new StagedFolder(directory.resolve("other/missing")).isPossible()).isTrue();
    }

    @Test
    void sayWhatCannotBeExchanged() throws IOException {
        Path missing = directory.resolve("missing");
        assertThatThrownBy(() -> Exchange.swap(place, missing)).isInstanceOf(FileSystemException.class).hasMessageContaining(missing.toString()).hasMessageContaining("error 2");
        assertThat(place.resolve("mmproj.gguf")).hasContent("projector");
    }

    @Test
    void exchangesNamesOfAnyLetters() throws IOException {
        Path one = Files.createDirectories(directory.resolve("a b"));
        Files.writeString(one.resolve("file"), "one");
        Path other = Files.createDirectories(directory.resolve("c'\"$d"));
        Exchange.swap(one, other);
        assertThat(other.resolve("file")).hasContent("one");
        assertThat(one).isEmptyDirectory();
    }

    /** LM Studio watches its directory: whoever watches the publisher's folder hears that the model's has changed. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void isHeardByThoseWhoWatchThePublishersFolder() throws Exception {
        stage("new");
        try (WatchService watch = directory.getFileSystem().newWatchService()) {
            place.getParent().register(watch, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_DELETE);
            staged.takePlace();
            Set<String> heard = new HashSet<>();
            for (WatchKey key = watch.poll(30, TimeUnit.SECONDS); key != null && !heard.contains("ENTRY_CREATE majora"); key = watch.poll(1, TimeUnit.SECONDS)) {
                for (WatchEvent<?> event : key.pollEvents()) {
                    heard.add(event.kind().name() + " " + event.context());
                }
                key.reset();
            }
            assertThat(heard).contains("ENTRY_CREATE majora");
        }
    }
}
