package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstallationTest {
    @TempDir
    Path directory;

    private ModelFolder folder;
    private ReleaseStore store;

    @BeforeEach
    void makeModelsDirectory() throws IOException {
        folder = new ModelFolder(Files.createDirectories(directory.resolve("models")), "acme", "majora");
        store = new ReleaseStore(directory.resolve("releases"));
    }

    @Test
    void installsEveryFormatUnderPublisherAndModel() throws IOException {
        Installation.Installed installed = installation(3).install(candidate("one", "Q4_K_M", "Q8_0"));

        assertThat(installed.release().number()).isEqualTo(1);
        assertThat(installed.previous()).isEmpty();
        assertThat(installed.files()).containsExactly(folder.path().resolve("majora-Q4_K_M.gguf"), folder.path().resolve("majora-Q8_0.gguf"));
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "one Q4_K_M", "majora-Q8_0.gguf", "one Q8_0"));
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(1);
        assertThat(store.get("majora", 1).files().getFirst().sha256()).isEqualTo(Sha256.of("one Q4_K_M".getBytes()));
        assertThat(store.get("majora", 1).identity()).containsEntry("adapter", "one");
    }

    @Test
    void replacesTheFormerReleaseAndRemovesFormatsThatItHadMore() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M", "Q8_0"));
        Installation.Installed installed = installation(3).install(candidate("two", "Q4_K_M"));

        assertThat(installed.previous()).hasValue(1);
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "two Q4_K_M"));
    }

    @Test
    void leavesFilesOfOthersAlone() throws IOException {
        Files.createDirectories(folder.path());
        Files.writeString(folder.path().resolve("mmproj-majora.gguf"), "projector");
        installation(3).install(candidate("one", "Q4_K_M"));
        installation(3).install(candidate("two", "Q8_0"));

        assertThat(content()).isEqualTo(Map.of("mmproj-majora.gguf", "projector", "majora-Q8_0.gguf", "two Q8_0"));
    }

    @Test
    void exchangesTheWholeFolderWhenMoreThanOneFileChanges() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M", "Q8_0"));
        Files.writeString(folder.path().resolve("mmproj-majora.gguf"), "projector");
        List<Map<String, String>> seen = new ArrayList<>();
        Progress watching = step -> {
            if (step.activity().contains("folder of") || step.activity().startsWith("switching") || step.activity().startsWith("naming")) {
                seen.add(content());
            }
        };
        Installation.Options options = new Installation.Options(Placement.Way.AUTO, 3, () -> seen.add(content()), path -> Long.MAX_VALUE, Clock.systemUTC(), watching, new Cancellation());
        new Installation(folder, store, options).install(candidate("two", "Q4_K_M", "Q5_K_M"));

        Map<String, String> before = Map.of("majora-Q4_K_M.gguf", "one Q4_K_M", "majora-Q8_0.gguf", "one Q8_0", "mmproj-majora.gguf", "projector");
        Map<String, String> after = Map.of("majora-Q4_K_M.gguf", "two Q4_K_M", "majora-Q5_K_M.gguf", "two Q5_K_M", "mmproj-majora.gguf", "projector");
        assertThat(seen).contains(before, after);
        assertThat(seen).allSatisfy(moment -> assertThat(moment).isIn(before, after));
        assertThat(content()).isEqualTo(after);
        assertThat(folder.path().resolveSibling(".majora.ferry")).doesNotExist();

        installation(3).remove("majora");
        assertThat(content()).isEqualTo(Map.of("mmproj-majora.gguf", "projector"));
    }

    @Test
    void restoresAnEarlierReleaseWithAllItsFiles() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M", "Q8_0"));
        installation(3).install(candidate("two", "Q4_K_M", "Q5_K_M"));
        assertThat(store.previous("majora")).hasValue(1);
        installation(3).restore("majora", 1);

        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "one Q4_K_M", "majora-Q8_0.gguf", "one Q8_0"));
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(1);
        installation(3).restore("majora", 2);
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "two Q4_K_M", "majora-Q5_K_M.gguf", "two Q5_K_M"));
    }

    @Test
    void aReleaseThatWasTakenBackIsNoPlaceToGoBackTo() throws IOException {
        installation(9).install(candidate("good", "Q4_K_M"));
        installation(9).install(candidate("bad", "Q4_K_M"));
        installation(9).restore("majora", 1);
        installation(9).install(candidate("better", "Q4_K_M"));
        assertThat(store.previous("majora")).hasValue(1);
        installation(9).install(candidate("best", "Q4_K_M"));
        assertThat(store.previous("majora")).hasValue(3);
        installation(9).restore("majora", 3);
        assertThat(store.previous("majora")).hasValue(1);
    }

    @Test
    void movesAModelThatIsDeployedUnderAnotherName() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M"));
        ModelFolder renamed = new ModelFolder(folder.models(), "others", "mask");
        new Installation(renamed, store, Installation.Options.of(3)).install(candidate("two", "Q4_K_M"));

        assertThat(folder.path()).doesNotExist();
        assertThat(renamed.path().resolve("majora-Q4_K_M.gguf")).hasContent("two Q4_K_M");
    }

    @Test
    void keepsWhatLayThereBeforeTheFirstDeployment() throws IOException {
        Files.createDirectories(folder.path());
        Files.writeString(folder.path().resolve("majora-Q4_K_M.gguf"), "hand-made");
        installation(3).install(candidate("one", "Q4_K_M"));

        assertThat(store.previous("majora")).hasValue(0);
        installation(3).restore("majora", 0);
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "hand-made"));
    }

    @Test
    void keepsTheLastReleasesAndNeverRemovesTheInstalledOne() throws IOException {
        for (String content : List.of("one", "two", "three", "four")) {
            installation(2).install(candidate(content, "Q4_K_M"));
        }
        assertThat(store.releases("majora")).extracting(Release::number).containsExactly(3, 4);

        installation(2).restore("majora", 3);
        assertThat(store.releases("majora")).extracting(Release::number).containsExactly(3, 4);
        installation(1).install(candidate("five", "Q4_K_M"));
        assertThat(store.releases("majora")).extracting(Release::number).containsExactly(5);
        assertThatThrownBy(() -> installation(1).restore("majora", 3)).isInstanceOf(FerryException.class).hasMessageContaining("Release 3 of majora is not kept").hasMessageContaining("[5]");
    }

    @Test
    void refusesAFileThatIsNotWhatWasAnnounced() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M"));
        Candidate.Item item = candidate("two", "Q4_K_M").files().getFirst();
        Files.writeString(item.file(), "two Q4_");

        assertThatThrownBy(() -> installation(3).install(new Candidate("majora", List.of(item), Map.of())))
                .isInstanceOf(FerryException.class).hasMessageContaining(item.file().toString()).hasMessageContaining("should have SHA-256 " + item.sha256());
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "one Q4_K_M"));
        assertThat(store.releases("majora")).hasSize(1);
    }

    @Test
    void refusesToBeginOnAFullDisk() throws IOException {
        Installation.Options options = new Installation.Options(Placement.Way.COPY, 3, () -> { }, path -> 1000, Clock.systemUTC(), Progress.NONE, new Cancellation());

        assertThatThrownBy(() -> new Installation(folder, store, options).install(candidate("one", "Q4_K_M")))
                .isInstanceOf(FerryException.class).hasMessageContaining("MB are free");
        assertThat(folder.path()).doesNotExist();
    }

    @Test
    void copiesAreFilesOfTheirOwnAndLinksAreNot() throws IOException {
        Candidate candidate = candidate("one", "Q4_K_M");
        Path installed = installation(3).install(candidate).files().getFirst();
        assertThat(Files.getAttribute(installed, "unix:nlink")).isEqualTo(3);
        assertThat(Files.isSymbolicLink(installed)).isFalse();

        Installation.Options copying = new Installation.Options(Placement.Way.COPY, 3, () -> { }, path -> Long.MAX_VALUE, Clock.systemUTC(), Progress.NONE, new Cancellation());
        Path copied = new Installation(folder, store, copying).install(candidate("two", "Q4_K_M")).files().getFirst();
        assertThat(Files.getAttribute(copied, "unix:nlink")).isEqualTo(1);
        assertThat(Files.readString(copied)).isEqualTo("two Q4_K_M");
    }

    @Test
    void refusesToRestoreAReleaseThatSomebodyChanged() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M"));
        installation(3).install(candidate("two", "Q4_K_M"));
        Path kept = store.directory("majora", 1).resolve("majora-Q4_K_M.gguf");
        Files.writeString(kept, "oNe Q4_K_M");
        Files.setLastModifiedTime(kept, java.nio.file.attribute.FileTime.from(java.time.Instant.now().plusSeconds(60)));

        assertThatThrownBy(() -> installation(3).restore("majora", 1)).isInstanceOf(FerryException.class).hasMessageContaining("cannot be restored");
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "two Q4_K_M"));
    }

    @Test
    void unloadsBetweenStagingAndSwitch() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M"));
        List<Map<String, String>> seen = new ArrayList<>();
        Installation.Options options = new Installation.Options(Placement.Way.AUTO, 3, () -> seen.add(content()), path -> Long.MAX_VALUE, Clock.systemUTC(), Progress.NONE, new Cancellation());
        new Installation(folder, store, options).install(candidate("two", "Q4_K_M"));

        assertThat(seen).hasSize(1);
        assertThat(seen.getFirst()).containsEntry("majora-Q4_K_M.gguf", "one Q4_K_M").containsEntry(".majora-Q4_K_M.gguf.2.part", "two Q4_K_M");
    }

    @Test
    void stopsOnDemandWithoutTouchingTheFolder() throws IOException {
        installation(3).install(candidate("one", "Q4_K_M"));
        Cancellation cancellation = new Cancellation();
        Candidate next = candidate("two", "Q4_K_M");
        cancellation.request();
        Installation.Options options = new Installation.Options(Placement.Way.AUTO, 3, () -> { }, path -> Long.MAX_VALUE, Clock.systemUTC(), Progress.NONE, cancellation);

        assertThatThrownBy(() -> new Installation(folder, store, options).install(next)).isInstanceOf(Cancelled.class);
        assertThat(content()).isEqualTo(Map.of("majora-Q4_K_M.gguf", "one Q4_K_M"));
    }

    @Test
    void refusesAStoreThatLmStudioWouldList() {
        ReleaseStore inside = new ReleaseStore(folder.models().resolve("kept"));
        assertThatThrownBy(() -> new Installation(folder, inside, Installation.Options.of(3))).isInstanceOf(SettingsException.class).hasMessageContaining("inside the models directory");
    }

    @Test
    void refusesNamesThatLeaveTheFolder() {
        assertThatThrownBy(() -> new ModelFolder(directory, "..", "majora")).isInstanceOf(SettingsException.class);
        assertThatThrownBy(() -> new ModelFolder(directory, "acme", "a/b")).isInstanceOf(SettingsException.class);
        assertThatThrownBy(() -> new Candidate.Item(directory.resolve("x.bin"), "x.bin", "Q8_0", null)).isInstanceOf(FerryException.class).hasMessageContaining(".gguf");
    }

    @Test
    void refusesAMissingModelsDirectory() {
        ModelFolder missing = new ModelFolder(directory.resolve("nowhere"), "acme", "majora");
        assertThatThrownBy(() -> new Installation(missing, store, Installation.Options.of(3)).install(candidate("one", "Q4_K_M")))
                .isInstanceOf(FerryException.class).hasMessageContaining("models directory").hasMessageContaining("does not exist");
    }

    private Installation installation(int keep) {
        return new Installation(folder, store, Installation.Options.of(keep));
    }

    private Candidate candidate(String content, String... formats) throws IOException {
        List<Candidate.Item> items = new ArrayList<>();
        for (String format : formats) {
            Path file = Files.createDirectories(directory.resolve("runs").resolve(content)).resolve("majora-" + format + ".gguf");
            Files.writeString(file, content + " " + format);
            items.add(Candidate.Item.of(file, format, Sha256.of(file)));
        }
        return new Candidate("majora", items, Map.of("adapter", content));
    }

    private Map<String, String> content() {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder.path())) {
            for (Path file : files.toList()) {
                content.put(file.getFileName().toString(), Files.readString(file));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return content;
    }
}
