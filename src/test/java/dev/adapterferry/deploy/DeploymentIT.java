package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Folders;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.modelserver.TinyGguf;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole deployments against a server that behaves like LM Studio. */
class DeploymentIT {
    private static final ModelProfile PROFILE = new ModelProfile("majora", "acme", "majora", "Q4_K_M", 8192, 0.2, "You are Majora.");

    @TempDir
    Path directory;

    private Path models;
    private ReleaseStore store;
    private LmStudioDouble server;
    private int runs;

    @BeforeEach
    void start() throws IOException {
        models = Files.createDirectories(directory.resolve("models"));
        store = new ReleaseStore(directory.resolve("releases"));
        server = new LmStudioDouble(models);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void installsLoadsAndReplacesALoadedModel() throws IOException {
        Deployment.Deployed first = deployment().deploy(candidate(1, "Q4_K_M", "Q8_0"), PROFILE);
        assertThat(first.loaded()).hasValue(new LmStudioServer.Loaded("majora", "Q4_K_M", 8192));
        assertThat(first.primary()).isEqualTo(models.resolve("acme/majora/majora-Q4_K_M.gguf"));

        server.requests.clear();
        Deployment.Deployed second = deployment().deploy(candidate(2, "Q4_K_M", "Q8_0"), PROFILE);
        assertThat(second.previous()).hasValue(1);
        assertThat(server.requests.indexOf("POST /api/v1/models/unload")).isNotNegative().isLessThan(server.requests.indexOf("POST /api/v1/models/load"));
        assertThat(server.instances).containsOnlyKeys("majora");
        assertThat(value(second.primary())).isEqualTo(2);
    }

    @Test
    void rollsBackAndReloads() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M"), PROFILE);
        deployment().deploy(candidate(2, "Q4_K_M"), PROFILE);
        server.instances.clear();
        Deployment.Deployed back = deployment().rollback(PROFILE, OptionalInt.empty());

        assertThat(back.release().number()).isEqualTo(1);
        assertThat(value(back.primary())).isEqualTo(1);
        assertThat(server.instances).containsOnlyKeys("majora");
        assertThatThrownBy(() -> deployment().rollback(PROFILE, OptionalInt.empty())).isInstanceOf(FerryException.class).hasMessageContaining("no earlier release is kept");
        assertThat(value(deployment().rollback(PROFILE, OptionalInt.of(2)).primary())).isEqualTo(2);
    }

    @Test
    void takesTheSwitchBackWhenLoadingFails() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M"), PROFILE);
        ModelProfile greedy = new ModelProfile("majora", "acme", "majora", "Q4_K_M", 65536, 0.2, "");
        // The server allows less context than the new settings want, as it does when memory is short.
        server.forcedContext = 8192;
        Candidate next = candidate(2, "Q4_K_M");
        assertThatThrownBy(() -> deployment().deploy(next, greedy)).isInstanceOf(FerryException.class)
                .hasMessageContaining("8192 tokens instead of 65536").hasMessageContaining("Release 1 of majora is back.");
        assertThat(server.instances.get("majora").context()).as("with the context that release 1 was deployed with").isEqualTo(8192);
        server.forcedContext = 4096;
        Candidate another = candidate(2, "Q4_K_M");
        assertThatThrownBy(() -> deployment().deploy(another, greedy)).isInstanceOf(FerryException.class).hasMessageContaining("Going back failed as well");
        server.forcedContext = 0;
        assertThat(value(models.resolve("acme/majora/majora-Q4_K_M.gguf"))).isEqualTo(1);

        List<Integer> numbers = new ArrayList<>();
        Target picky = target((release, files) -> {
            numbers.add(release.number());
            if (release.number() == 4) {
                throw new FerryException("This one I do not take.");
            }
        });
        Candidate third = candidate(3, "Q4_K_M");
        assertThatThrownBy(() -> deployment(picky).deploy(third, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("This one I do not take. Release 1 of majora is back.");
        assertThat(numbers).containsExactly(4, 1);
        assertThat(value(models.resolve("acme/majora/majora-Q4_K_M.gguf"))).isEqualTo(1);
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(1);
    }

    @Test
    void aTargetThatIsGoneDoesNotKeepLmStudioFromGoingBack() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M"), PROFILE);
        Target gone = target((release, files) -> {
            throw new TransientFailure("The host is gone.");
        });
        Candidate next = candidate(2, "Q4_K_M");
        assertThatThrownBy(() -> deployment(gone).deploy(next, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("The host is gone. Going back failed as well: The host is gone.");
        assertThat(value(models.resolve("acme/majora/majora-Q4_K_M.gguf"))).isEqualTo(1);
        assertThat(server.instances).as("loaded again all the same").containsOnlyKeys("majora");
    }

    @Test
    void takesOutAFirstReleaseThatDoesNotHold() throws IOException {
        Deployment.Deployed first = deployment().deploy(candidate(1, "Q4_K_M", "Q8_0"), PROFILE);
        assertThat(deployment().takeBack(PROFILE, 7)).isEmpty();
        assertThat(first.files()).allMatch(Files::exists);
        assertThat(deployment().takeBack(PROFILE, 1)).isEmpty();

        assertThat(models.resolve("acme/majora")).doesNotExist();
        assertThat(server.instances).isEmpty();
        assertThat(store.active("majora")).isEmpty();
        assertThat(deployment().deploy(candidate(2, "Q4_K_M"), PROFILE).release().number()).isEqualTo(2);
    }

    @Test
    void refusesATruncatedFileBeforeAnythingIsTouched() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M"), PROFILE);
        Candidate broken = candidate(2, "Q4_K_M");
        Path file = broken.files().getFirst().file();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) - 24);
        }
        server.requests.clear();
        assertThatThrownBy(() -> deployment().deploy(new Candidate("majora", List.of(Candidate.Item.of(file, "Q4_K_M", null)), Map.of()), PROFILE)).isInstanceOf(MalformedFile.class)
                .hasMessageContaining(file.toString());
        assertThat(value(models.resolve("acme/majora/majora-Q4_K_M.gguf"))).isEqualTo(1);
        assertThat(server.requests).doesNotContain("POST /api/v1/models/unload");
    }

    @Test
    void finishesAtTheNextStartWhatAnEarlierProcessBegan() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M", "Q8_0"), PROFILE);
        Candidate next = candidate(2, "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> dyingAt("exchanging", 3).deploy(next, PROFILE)).hasMessage("power cut");
        assertThat(values()).as("both at once").containsExactly(2f, 2f);
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(1);

        assertThat(deployment().recover()).containsExactly("majora");
        assertThat(values()).containsExactly(2f, 2f);
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(2);
        assertThat(models.resolve("acme/.majora.ferry")).doesNotExist();
        assertThat(deployment().recover()).as("until the ledger knows").containsExactly("majora");
        store.settle("majora");
        assertThat(deployment().recover()).isEmpty();
    }

    @Test
    void finishesAtTheNextStartWhereTheFolderIsALinkAndCannotBeExchanged() throws IOException {
        Files.createDirectories(models.resolve("acme"));
        Files.createSymbolicLink(models.resolve("acme/majora"), Files.createDirectories(directory.resolve("other-disk")));
        server.close();
        offline().deploy(candidate(1, "Q4_K_M", "Q8_0"), PROFILE);
        Candidate next = candidate(2, "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> dyingAt("switching", 1).deploy(next, PROFILE)).hasMessage("power cut");
        assertThat(values()).as("the window that such a folder has").containsExactly(2f, 1f);

        assertThat(offline().recover()).containsExactly("majora");
        assertThat(values()).containsExactly(2f, 2f);
        assertThat(models.resolve("acme/majora")).isSymbolicLink();
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(2);
    }

    @Test
    void bringsBackStagedFilesThatSomebodyRemoved() throws IOException {
        deployment().deploy(candidate(1, "Q4_K_M", "Q8_0"), PROFILE);
        Candidate next = candidate(2, "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> dyingAt("switching", 0).deploy(next, PROFILE)).hasMessage("power cut");
        assertThat(values()).containsExactly(1f, 1f);
        Path staged = models.resolve("acme/.majora.ferry/next");
        Files.delete(staged.resolve(".majora-Q8_0.gguf.2.part"));
        deployment().recover();
        assertThat(values()).containsExactly(2f, 2f);

        Candidate third = candidate(3, "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> dyingAt("switching", 0).deploy(third, PROFILE)).hasMessage("power cut");
        Folders.delete(staged.getParent());
        deployment().recover();
        assertThat(values()).as("without the staged folder").containsExactly(3f, 3f);
        assertThat(store.active("majora").orElseThrow().number()).isEqualTo(3);
    }

    private List<Float> values() throws IOException {
        return List.of(value(models.resolve("acme/majora/majora-Q4_K_M.gguf")), value(models.resolve("acme/majora/majora-Q8_0.gguf")));
    }

    /** A ferry that dies at a step of the switch. */
    private Deployment dyingAt(String activity, int done) {
        Installation.Options dying = new Installation.Options(Placement.Way.AUTO, 3, () -> { }, path -> Long.MAX_VALUE, Clock.systemUTC(), step -> {
            if (step.activity().startsWith(activity) && step.done() == done) {
                throw new IllegalStateException("power cut");
            }
        }, new Cancellation());
        return new Deployment(models, new ReleaseStore(store.root()), dying, Optional.empty(), List.of(), false, release -> { });
    }

    private Deployment offline() {
        return new Deployment(models, store, Installation.Options.of(3), Optional.empty(), List.of(), true, release -> { });
    }

    private Deployment deployment(Target... targets) {
        LmStudioServer.Timing timing = new LmStudioServer.Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMillis(1));
        return new Deployment(models, store, Installation.Options.of(3), LmStudioServer.find(server.endpoint(), null, new JdkHttpCaller(), timing), List.of(targets), true, release -> { });
    }

    private Candidate candidate(float value, String... formats) throws IOException {
        runs++;
        List<Candidate.Item> items = new ArrayList<>();
        for (String format : formats) {
            items.add(Candidate.Item.of(TinyGguf.write(directory.resolve("runs/" + runs + "/majora-" + format + ".gguf"), value), format, null));
        }
        return new Candidate("majora", items, Map.of());
    }

    private static float value(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getFloat(bytes.length - 32);
    }

    private interface Put {
        void put(Release release, Path files);
    }

    private static Target target(Put put) {
        return new Target() {
            @Override
            public String name() {
                return "picky";
            }

            @Override
            public void put(Release release, Path files, ModelProfile profile) {
                put.put(release, files);
            }

            @Override
            public void remove(ModelProfile profile) { }
        };
    }
}
