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
import java.util.Arrays;
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
    void aBrokenUploadGoesOnWhereItEnded() throws IOException {
        Uploads remote = new Uploads(Files.createDirectories(directory.resolve("remote")));
        RemoteTarget target = new RemoteTarget(remote);
        Release first = release(1, "one", "Q4_K_M");
        String waiting = "acme/majora/" + RemoteTarget.waiting(first.files().getFirst());
        remote.breaks = 2;
        target.put(first, kept(1), PROFILE);
        assertThat(remote.uploaded).as("each brought it further").containsExactly(waiting + " from 0", waiting + " from 1", waiting + " from 2");
        assertThat(remote.root.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("one Q4_K_M");

        // What an earlier process left, under the number that its release had.
        Release second = release(7, "two", "Q4_K_M");
        Files.writeString(remote.root.resolve("acme/majora/" + RemoteTarget.waiting(second.files().getFirst())), "two Q");
        Files.writeString(remote.root.resolve("acme/majora/.majora-Q8_0.gguf.0123456789ab.part"), "of a release that is no more");
        remote.uploaded.clear();
        target.put(release(8, "two", "Q4_K_M"), kept(8), PROFILE);
        assertThat(remote.uploaded).singleElement().asString().endsWith(" from 5");
        assertThat(remote.root.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("two Q4_K_M");
        assertThat(names(remote.root.resolve("acme/majora"))).containsExactly(".release.json", "majora-Q4_K_M.gguf");

        Release third = release(9, "three", "Q4_K_M");
        Files.writeString(remote.root.resolve("acme/majora/" + RemoteTarget.waiting(third.files().getFirst())), "something else");
        remote.uploaded.clear();
        target.put(third, kept(9), PROFILE);
        assertThat(remote.uploaded).as("too long to be its beginning").singleElement().asString().endsWith(" from 0");

        Release fourth = release(10, "four", "Q4_K_M");
        Files.writeString(remote.root.resolve("acme/majora/" + RemoteTarget.waiting(fourth.files().getFirst())), "fxur");
        remote.uploaded.clear();
        target.put(fourth, kept(10), PROFILE);
        assertThat(remote.uploaded).extracting(sent -> sent.replaceAll(".* from ", "")).as("its beginning was wrong").containsExactly("4", "0");
        assertThat(remote.root.resolve("acme/majora/majora-Q4_K_M.gguf")).hasContent("four Q4_K_M");
    }

    @Test
    void aHostWithoutDigestsIsReadBack() throws IOException {
        Uploads remote = new Uploads(Files.createDirectories(directory.resolve("remote")));
        remote.hashing = false;
        RemoteTarget target = new RemoteTarget(remote);
        target.put(release(1, "one", "Q4_K_M", "Q8_0"), kept(1), PROFILE);
        target.put(release(1, "one", "Q4_K_M", "Q8_0"), kept(1), PROFILE);
        assertThat(remote.uploaded).as("the note knows what is there").hasSize(2);
        assertThat(remote.readBack).isEqualTo(2);
        remote.damage = true;
        Release next = release(2, "two", "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> target.put(next, kept(2), PROFILE)).isInstanceOf(TransientFailure.class).hasMessageContaining("went wrong");
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
        private boolean hashing = true;
        private int breaks;
        private int readBack;

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
        public void upload(Path local, String path, long from) throws IOException {
            uploaded.add(path + " from " + from);
            byte[] bytes = damage ? Files.readString(local).replace('o', 'x').getBytes() : Files.readAllBytes(local);
            byte[] there = from == 0 ? new byte[0] : Files.readAllBytes(root.resolve(path));
            boolean breaking = breaks > 0;
            breaks = Math.max(0, breaks - 1);
            int end = breaking ? (int) from + 1 : bytes.length;
            byte[] whole = Arrays.copyOf(there, end);
            System.arraycopy(bytes, (int) from, whole, (int) from, end - (int) from);
            Files.write(root.resolve(path), whole);
            if (breaking) {
                throw new IOException("connection reset");
            }
        }

        @Override
        public List<String> list(String path) throws IOException {
            return names(root.resolve(path));
        }

        @Override
        public String readBack(String path) {
            readBack++;
            return Sha256.of(root.resolve(path));
        }

        @Override
        public Optional<String> sha256(String path) {
            return hashing && Files.exists(root.resolve(path)) ? Optional.of(Sha256.of(root.resolve(path))) : Optional.empty();
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
