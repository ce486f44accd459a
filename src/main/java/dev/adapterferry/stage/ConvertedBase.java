package dev.adapterferry.stage;

import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.Fingerprint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** A base without any adapter as a GGUF file, made once per base and format and kept under the working directory. */
final class ConvertedBase {
    /** Where they lie in the working directory. */
    static final String FOLDER = "bases";

    private ConvertedBase() { }

    /**
     * The file.
     *
     * @param settings     name the working directory
     * @param base         the checkpoint
     * @param format       quantization
     * @param progress     hears of the conversion
     * @param cancellation stops it
     */
    static Path file(Settings settings, Path base, String format, Progress progress, Cancellation cancellation) {
        try (CheckpointFolder checkpoint = CheckpointFolder.open(base)) {
            String key = checkpoint.files().stream().map(Fingerprint::of).collect(Collectors.joining("\n"));
            Path folder = settings.home().resolve(FOLDER).resolve(Sha256.of(key.getBytes(StandardCharsets.UTF_8)).substring(0, 12));
            Path file = folder.resolve(base.getFileName() + "-" + format + ".gguf");
            if (!Files.isRegularFile(file)) {
                ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
                QuantizeRequest request = new QuantizeRequest(base.getFileName().toString(), model.tensors(), model.metadata(), key, checkpoint.files(), folder,
                        List.of(TypeRequest.of(Mix.parse(format), false)), Optional.empty(), false);
                new QuantizeJob(PassSettings.plain()).run(request, progress, cancellation);
            }
            // What is used stays: the folder's time is when it was last asked for.
            Files.setLastModifiedTime(folder, FileTime.from(Instant.now()));
            return file;
        } catch (IOException e) {
            throw new FerryException("Cannot keep the converted base of " + base + ": " + Durable.reason(e) + ".", e);
        }
    }
}
