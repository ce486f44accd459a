package dev.adapterferry.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdInputStream;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.source.vast.Homecoming;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is known of an adapter that came home: enough to stop its machine, and to keep it as an archive. */
class PulledAdapterTest {
    private static final AdapterPull PULL = new AdapterPull(new AdapterPull.Terms(new RemoteAdapter.Look(Duration.ZERO, RemoteAdapter.Choice.AUTO, 1L << 30), 2,
            Set.of(TrainingState.Kind.FINISHED, TrainingState.Kind.UNKNOWN)));

    @TempDir
    Path dir;
    private AdapterFixture far;

    @BeforeEach
    void train() {
        far = new AdapterFixture(dir.resolve("far")).peft("", 300_000, 1);
    }

    private PulledAdapter pull() {
        return PULL.pull(new LocalTree(far.root()), dir.resolve("home"), TransferTerms.free());
    }

    @Test
    void isSafelyHomeWhenEveryFileWasVerifiedAndTheWeightsOpen() throws Exception {
        PulledAdapter pulled = pull();
        assertThat(pulled.homecoming(7)).isEqualTo(new Homecoming(7, 5, 5, true, true));
        assertThat(pull().homecoming(7)).as("found here again").isEqualTo(new Homecoming(7, 5, 5, true, true));
        byte[] weights = Files.readAllBytes(dir.resolve("home/adapter_model.safetensors"));
        Files.write(dir.resolve("home/adapter_model.safetensors"), java.util.Arrays.copyOf(weights, weights.length / 2));
        assertThat(pulled.homecoming(7).opened()).as("what lies here is looked at again").isFalse();
        assertThat(pull().upToDate()).as("and is pulled again").isFalse();
    }

    @Test
    void furtherTemplatesComeAlongAndAreAPartOfWhatTheAdapterIs() throws Exception {
        String plain = pull().identity();
        far.templates("", "{{ tools }}");
        PulledAdapter pulled = pull();
        assertThat(dir.resolve("home/additional_chat_templates/rag.jinja")).hasContent("{{ tools }}");
        assertThat(pulled.files()).extracting(PulledAdapter.File::name).contains("chat_template.jinja", "additional_chat_templates/rag.jinja").doesNotContain("additional_chat_templates/notes.txt");
        assertThat(content(archived(pulled))).containsKey("additional_chat_templates/rag.jinja");
        assertThat(pull().upToDate()).isTrue();
        far.templates("", "{{ documents }}");
        PulledAdapter changed = pull();
        assertThat(List.of(plain, pulled.identity(), changed.identity())).doesNotHaveDuplicates();
        assertThat(dir.resolve("home/additional_chat_templates/rag.jinja")).hasContent("{{ documents }}");
        Files.delete(far.root().resolve("additional_chat_templates/rag.jinja"));
        pull();
        assertThat(dir.resolve("home/additional_chat_templates")).doesNotExist();
    }

    private Path archived(PulledAdapter pulled) {
        Path archive = dir.resolve("archives/majora.tar.zst");
        AdapterArchive.write(pulled, archive, Progress.NONE, new Cancellation());
        return archive;
    }

    @Test
    void aTemplateThatWasHalfThereIsNotKeptOnceItIsGone() throws Exception {
        Path half = dir.resolve(".home.part/additional_chat_templates");
        Files.createDirectories(half);
        Files.writeString(half.resolve("rag.jinja.part"), "{{");
        assertThat(pull().files()).hasSize(5);
        assertThat(dir.resolve("home/additional_chat_templates")).doesNotExist();
    }

    @Test
    void isNotSafelyHomeWhenNobodyCanLookInside() throws Exception {
        Files.delete(far.root().resolve("adapter_model.safetensors"));
        far.file("", "adapter_model.bin", "pickle").file("", "adapter_config.json", AdapterFixture.config(true));
        assertThat(pull().homecoming(7).opened()).isFalse();
    }

    @Test
    void isNotSafelyHomeWhenTheTrainingHasNotSaidThatItEnded() {
        far.file("", "adapter_config.json", AdapterFixture.config(false));
        assertThat(pull().homecoming(7)).isEqualTo(new Homecoming(7, 5, 5, true, false));
    }

    private static Map<String, byte[]> content(Path archive) throws Exception {
        Map<String, byte[]> content = new TreeMap<>();
        try (TarArchiveInputStream tar = new TarArchiveInputStream(new ZstdInputStream(Files.newInputStream(archive)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                content.put(entry.getName(), tar.readAllBytes());
            }
        }
        return content;
    }

    @Test
    void becomesAnArchiveThatHoldsEveryFileAndIsRepairedWhenDamaged() throws Exception {
        PulledAdapter pulled = pull();
        Path archive = dir.resolve("archives/majora.tar.zst");
        long size = AdapterArchive.write(pulled, archive, Progress.NONE, new Cancellation());
        assertThat(size).isEqualTo(Files.size(archive));
        Map<String, byte[]> content = content(archive);
        assertThat(content.keySet()).containsExactlyInAnyOrderElementsOf(pulled.files().stream().map(PulledAdapter.File::name).toList());
        for (PulledAdapter.File file : pulled.files()) {
            assertThat(content.get(file.name())).isEqualTo(Files.readAllBytes(pulled.folder().resolve(file.name())));
        }
        FileTime longAgo = FileTime.fromMillis(1_000_000);
        Files.setLastModifiedTime(archive, longAgo);
        AdapterArchive.write(pulled, archive, Progress.NONE, new Cancellation());
        assertThat(Files.getLastModifiedTime(archive)).as("a whole archive is left alone").isEqualTo(longAgo);
        byte[] bytes = Files.readAllBytes(archive);
        bytes[bytes.length / 2] ^= 1;
        Files.write(archive, bytes);
        AdapterArchive.write(pulled, archive, Progress.NONE, new Cancellation());
        assertThat(content(archive)).hasSameSizeAs(pulled.files());
        Cancellation stop = new Cancellation();
        stop.request();
        Files.delete(archive);
        assertThatThrownBy(() -> AdapterArchive.write(pulled, archive, Progress.NONE, stop)).isInstanceOf(Cancelled.class);
        assertThat(archive.getParent()).isEmptyDirectory();
    }
}
