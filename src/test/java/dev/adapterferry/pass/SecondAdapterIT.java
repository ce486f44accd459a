package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two adapters on one base through merge, conversion and the pass: the base's own tensors come from the cache, and the bytes are the same. */
class SecondAdapterIT {
    @TempDir
    Path temp;

    @Test
    void takesUntouchedTensorsOfTheBaseFromTheCache() throws Exception {
        SyntheticQwen2 model = SyntheticQwen2.ofSize("0.01B");
        model.writeCheckpoint(temp.resolve("base"));
        model.writeAdapter(temp.resolve("first"), 8, "base");
        model.writeAdapter(temp.resolve("second"), 4, "base");
        TensorCache cache = new TensorCache(temp.resolve("cache"), 1 << 30);
        run("first", "with-cache", Optional.of(cache));
        PassResult second = run("second", "with-cache", Optional.of(cache));
        PassResult plain = run("second", "plain", Optional.empty());
        // All linear layers are touched, so the embedding, 8192 x 256 weights as Q6_K, is what is left.
        assertThat(second.cachedBytes()).isEqualTo(8192 * 210L);
        assertThat(plain.cachedBytes()).isZero();
        assertThat(plain.bytesRead() - second.bytesRead()).as("2 bytes per weight that were not read, 210/256 that were read instead").isEqualTo(8192 * 512L - 8192 * 210L);
        assertThat(second.files().getFirst().tensors()).isEqualTo(plain.files().getFirst().tensors());
        assertThat(Files.mismatch(second.files().getFirst().file(), plain.files().getFirst().file())).isEqualTo(-1);
    }

    private PassResult run(String adapter, String folder, Optional<TensorCache> cache) {
        try (MergedCheckpoint checkpoint = MergedCheckpoint.open(CheckpointFolder.open(temp.resolve("base")), List.of(MergeInput.of(temp.resolve(adapter))), MergeOptions.STRICT)) {
            ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
            QuantizeRequest request = new QuantizeRequest(adapter, model.tensors(), model.metadata(), adapter, checkpoint.files(), temp.resolve(folder),
                    List.of(TypeRequest.of(Mix.Q4_K_M, false)), Optional.empty(), false);
            return new QuantizeJob(new PassSettings(2, Optional.empty(), cache)).run(request, Progress.NONE, new Cancellation());
        }
    }
}
