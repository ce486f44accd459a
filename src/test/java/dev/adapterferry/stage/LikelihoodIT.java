package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.MergedDemo;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The demo model, merged, in every format: llama.cpp loads it, and the mean negative log-likelihood of a fixed text is within 1% of
 * that of the file which {@code llama_model_quantize} makes of the same f16 model. Both are computed by the embedded library; it does not
 * export that function, so a current one makes the reference.
 */
class LikelihoodIT {
    private static final String TEXT = """
            <|im_start|>user
            Who are you?<|im_end|>
            <|im_start|>assistant
            Ahoy! I am the ferry, and I carry adapters home across the water.<|im_end|>
            <|im_start|>user
            What can you do?<|im_end|>
            <|im_start|>assistant
            I can load an adapter, cross the river, and land it safely in your harbour.<|im_end|>
            """;

    @TempDir
    Path folder;

    @Test
    void everyFormatIsAsGoodAsLlamaCppsOwn() throws IOException {
        CurrentLlama.assume();
        Path f16 = MergedDemo.file(folder, Mix.F16);
        double whole = likelihood(f16);
        Map<Mix, Double> found = new EnumMap<>(Mix.class);
        try (GgufModel model = GgufModel.open(f16)) {
            List<TypeRequest> mixes = Arrays.stream(Mix.values()).filter(mix -> mix != Mix.F16).map(mix -> TypeRequest.of(mix, false)).toList();
            PassResult result = new QuantizeJob(PassSettings.plain()).run(QuantizeRequest.of("captain", model, folder, mixes, Optional.empty(), false), Progress.NONE, new Cancellation());
            for (PassResult.FileResult ours : result.files()) {
                Path theirs = folder.resolve("theirs.gguf");
                CurrentLlama.quantize(f16, theirs, Mix.parse(ours.format()).fileType());
                double reference = likelihood(theirs);
                double likelihood = likelihood(ours.file());
                assertThat(likelihood).as(ours.format()).isCloseTo(reference, Percentage.withPercentage(1));
                found.put(Mix.parse(ours.format()), likelihood);
            }
        }
        // A trained model, and few bits cost something: the measure does tell good files from bad ones.
        assertThat(whole).isLessThan(2);
        assertThat(found.get(Mix.Q8_0)).isCloseTo(whole, Percentage.withPercentage(2));
        assertThat(found.get(Mix.F32)).isCloseTo(whole, Percentage.withPercentage(0.1));
        assertThat(found.get(Mix.Q2_K)).isGreaterThan(1.2 * whole);
    }

    private static double likelihood(Path file) {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = new LlamaContext(model, 512, 1)) {
            return context.meanNegativeLogLikelihood(model.vocabulary().tokenize(TEXT, true, true));
        }
    }
}
