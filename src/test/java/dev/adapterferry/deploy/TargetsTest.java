package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TargetsTest {
    private static final ModelProfile PROFILE = new ModelProfile("majora", "acme", "majora", "Q4_K_M", 8192, 0.2, "You are Majora.");

    @TempDir
    Path directory;

    @Test
    void aFolderHoldsTheReleaseAndKeepsWhatOthersPutThere() throws IOException {
        Path folder = Files.createDirectories(directory.resolve("share"));
        FolderTarget target = new FolderTarget(folder, Placement.Way.AUTO, Progress.NONE, new Cancellation());
        target.put(release(1, "one", "Q4_K_M", "Q8_0"), kept(1), PROFILE);
        Files.writeString(folder.resolve("acme/majora/notes.gguf"), "mine");
        target.put(release(2, "two", "Q4_K_M"), kept(2), PROFILE);

        assertThat(names(folder.resolve("acme/majora"))).containsExactly(".release.json", "majora-Q4_K_M.gguf", "notes.gguf");
        assertThat(folder.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("two Q4_K_M");
        assertThatThrownBy(() -> new FolderTarget(directory.resolve("unplugged"), Placement.Way.AUTO, Progress.NONE, new Cancellation()).put(release(3, "x", "Q8_0"), kept(3), PROFILE))
                .isInstanceOf(FerryException.class).hasMessageContaining("no such folder");
    }

    @Test
    void anotherHostGetsOnlyWhatChanged() throws IOException {
        Uploads remote = new Uploads(Files.createDirectories(directory.resolve("remote")));
        RemoteTarget target = new RemoteTarget(remote);
        target.put(release(1, "one", "Q4_K_M", "Q8_0"), kept(1), PROFILE);
        target.put(release(1, "one", "Q4_K_M", "Q8_0"), kept(1), PROFILE);
        assertThat(remote.uploaded).hasSize(2);
        target.put(release(2, "two", "Q4_K_M"), kept(2), PROFILE);
        assertThat(names(remote.root.resolve("acme/majora"))).containsExactly(".release.json", "majora-Q4_K_M.gguf");
        assertThat(remote.root.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("two Q4_K_M");
    }

    @Test
    void aBrokenUploadNeverGetsTheFinalName() throws IOException {
        Uploads remote = new Uploads(Files.createDirectories(directory.resolve("remote")));
        RemoteTarget target = new RemoteTarget(remote);
        target.put(release(1, "one", "Q4_K_M"), kept(1), PROFILE);
        remote.damage = true;
        Release next = release(2, "two", "Q4_K_M");
        assertThatThrownBy(() -> target.put(next, kept(2), PROFILE)).isInstanceOf(TransientFailure.class).hasMessageContaining("went wrong").hasMessageContaining(next.files().getFirst().sha256());
        assertThat(names(remote.root.resolve("acme/majora"))).containsExactly(".release.json", "majora-Q4_K_M.gguf");
        assertThat(remote.root.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("one Q4_K_M");
    }

    @Test
    void lmStudiosDefaultsAreMergedAndReadBack() throws IOException {
        LmStudioHome home = new LmStudioHome(directory.resolve("home"));
        LmStudioDefaults defaults = new LmStudioDefaults(home);
        assertThat(defaults.write(PROFILE, "majora-Q4_K_M.gguf")).isNull();
        Path file = Files.createDirectories(home.path().resolve(".internal/user-concrete-model-default-config/acme/majora")).resolve("majora-Q4_K_M.gguf.json");
        Files.writeString(file, "{\"preset\":\"mine\",\"operation\":{\"fields\":[{\"key\":\"llm.prediction.temperature\",\"value\":0.9},{\"key\":\"llm.prediction.topKSampling\",\"value\":20}]}}");

        assertThat(defaults.write(PROFILE, "majora-Q4_K_M.gguf")).isEqualTo(file);
        JsonNode written = new ObjectMapper().readTree(file.toFile());
        assertThat(written.path("preset").asText()).isEqualTo("mine");
        assertThat(written.at("/operation/fields")).hasSize(3);
        assertThat(written.at("/operation/fields/0/key").asText()).isEqualTo("llm.prediction.topKSampling");
        assertThat(written.path("load")).isEqualTo(new ObjectMapper().readTree("{\"fields\":[{\"key\":\"llm.load.contextLength\",\"value\":8192}]}"));
        assertThat(Files.readString(file)).contains("\"llm.prediction.temperature\",\"value\":0.2").contains("\"llm.prediction.systemPrompt\",\"value\":\"You are Majora.\"").doesNotContain("0.9").doesNotStartWith("\uFEFF");
    }

    private Path kept(int number) {
        return directory.resolve("kept/" + number);
    }

    private Release release(int number, String content, String... formats) throws IOException {
        List<Release.File> files = new ArrayList<>();
        for (String format : formats) {
            Path file = Files.writeString(Files.createDirectories(kept(number)).resolve("majora-" + format + ".gguf"), content + " " + format);
            files.add(new Release.File(file.getFileName().toString(), format, Files.size(file), Sha256.of(file)));
        }
        return new Release("majora", "acme", "majora", number, Instant.EPOCH, files, Map.of());
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** A remote folder that is a local one and remembers what was sent. */
    private static final class Uploads implements RemoteFolder {
        private final Path root;
        private final List<String> uploaded = new ArrayList<>();
        private boolean damage;

        Uploads(Path root) {
            this.root = root;
        }

        @Override
        public String name() {
            return "user@host:/models";
        }

        @Override
        public void makeDirectories(String path) throws IOException {
            Files.createDirectories(root.resolve(path));
        }

        @Override
        public Optional<Long> size(String path) throws IOException {
            return Files.exists(root.resolve(path)) ? Optional.of(Files.size(root.resolve(path))) : Optional.empty();
        }

        @Override
        public void upload(Path local, String path) throws IOException {
            uploaded.add(path);
            Files.write(root.resolve(path), damage ? Files.readString(local).replace('o', 'x').getBytes() : Files.readAllBytes(local));
        }

        @Override
        public Optional<String> sha256(String path) {
            return Files.exists(root.resolve(path)) ? Optional.of(Sha256.of(root.resolve(path))) : Optional.empty();
        }

        @Override
        public Optional<String> read(String path) throws IOException {
            return Files.exists(root.resolve(path)) ? Optional.of(Files.readString(root.resolve(path))) : Optional.empty();
        }

        @Override
        public void write(String path, String text) throws IOException {
            Files.writeString(root.resolve(path), text);
        }

        @Override
        public void rename(String from, String to) throws IOException {
            Files.move(root.resolve(from), root.resolve(to), StandardCopyOption.REPLACE_EXISTING);
        }

        @Override
        public void remove(String path) throws IOException {
            Files.deleteIfExists(root.resolve(path));
        }
    }
}
