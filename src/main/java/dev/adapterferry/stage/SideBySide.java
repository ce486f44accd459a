package dev.adapterferry.stage;

import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Asks the base and the merged model the same, so that one can see what the adapter changed. */
public final class SideBySide {
    private final Settings settings;
    private final HttpCaller caller = new JdkHttpCaller();

    /**
     * What both answered.
     *
     * @param base   the base's answer
     * @param merged the merged model's answer
     */
    public record Answers(String base, String merged) { }

    /** @param settings how models are served */
    public SideBySide(Settings settings) {
        this.settings = settings;
    }

    /**
     * Asks both, greedily.
     *
     * @param base         the base checkpoint; converted once to a file beside the working directory's other files
     * @param merged       the merged model's GGUF file
     * @param question     what to ask
     * @param progress     hears of the conversion
     * @param cancellation stops it
     */
    public Answers ask(Path base, Path merged, String question, Progress progress, Cancellation cancellation) {
        Path file = converted(base, progress, cancellation);
        List<String> answers = EmbeddedServers.answers(settings, caller, List.of(file, merged), question);
        return new Answers(answers.getFirst(), answers.getLast());
    }

    private Path converted(Path base, Progress progress, Cancellation cancellation) {
        try (CheckpointFolder checkpoint = CheckpointFolder.open(base)) {
            String key = checkpoint.files().stream().map(Fingerprint::of).collect(Collectors.joining("\n"));
            Path folder = settings.home().resolve("gguf").resolve("base").resolve(Sha256.of(key.getBytes(java.nio.charset.StandardCharsets.UTF_8)).substring(0, 12));
            Path file = folder.resolve(base.getFileName() + "-Q8_0.gguf");
            if (!Files.isRegularFile(file)) {
                ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
                QuantizeRequest request = new QuantizeRequest(base.getFileName().toString(), model.tensors(), model.metadata(), key, checkpoint.files(), folder,
                        List.of(TypeRequest.of(Mix.parse("Q8_0"), false)), Optional.empty(), false);
                new QuantizeJob(PassSettings.plain()).run(request, progress, cancellation);
            }
            return file;
        }
    }
}
