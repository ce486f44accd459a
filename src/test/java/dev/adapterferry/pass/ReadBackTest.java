package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.HashedFiles;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadBackTest {
    @TempDir
    Path folder;
    private List<PassResult.FileResult> files;

    @BeforeEach
    void pass() {
        files = PassFixture.run(PassFixture.threads(2), PassFixture.request(GeneratedSource.model(5), folder, GgmlType.Q4_K, GgmlType.Q8_0, GgmlType.F16)).files();
    }

    @Test
    void tellsTheHashOfEveryFileAndLetsNobodyReadItAgain() throws IOException {
        List<Long> told = new ArrayList<>();
        List<String> hashes = new ReadBack(step -> told.add(step.done()), new Cancellation()).sha256(files, 2);
        long total = 0;
        for (int f = 0; f < files.size(); f++) {
            assertThat(hashes.get(f)).isEqualTo(Sha256.of(files.get(f).file()));
            assertThat(HashedFiles.ofThisProcess().sha256(files.get(f).file(), step -> {
                throw new AssertionError("read again");
            }, new Cancellation())).isEqualTo(hashes.get(f));
            total += Files.size(files.get(f).file());
        }
        assertThat(told).isSorted().endsWith(total);
    }

    @Test
    void seesAByteThatIsNotWhatThePassWrote() throws IOException {
        Path file = files.get(1).file();
        long at;
        try (GgufFile gguf = GgufFile.open(file)) {
            at = gguf.position(gguf.find("blk.0.attn_v.weight").orElseThrow()) + 77;
        }
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(at);
            int old = bytes.read();
            bytes.seek(at);
            bytes.write(old ^ 4);
        }
        assertThatThrownBy(() -> new ReadBack(Progress.NONE, new Cancellation()).sha256(files, 2)).isInstanceOf(FerryException.class)
                .hasMessageContaining("m-Q8_0.gguf").hasMessageContaining("'blk.0.attn_v.weight'");
    }

    @Test
    void stopsWhenAskedTo() {
        Cancellation cancellation = new Cancellation();
        cancellation.request();
        assertThatThrownBy(() -> new ReadBack(Progress.NONE, cancellation).sha256(files, 1)).isInstanceOf(Cancelled.class);
    }
}
