package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.Fingerprint;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A model to be written in some formats.
 *
 * @param name            the model; files are named {@code NAME-FORMAT.gguf}
 * @param source          its weights under GGUF names; the files keep their order
 * @param metadata        its GGUF keys
 * @param sourceKey       see {@link PassRequest#sourceKey}
 * @param inputs          the files behind the source
 * @param folder          where the files go
 * @param formats         the mixes, with exceptions if any; whether an importance matrix is used follows from the next
 * @param importance      importance matrix, or empty
 * @param allowRequantize quantize tensors again that are quantized already, which loses twice
 */
public record QuantizeRequest(String name, TensorSource source, GgufMetadata metadata, String sourceKey, List<Path> inputs, Path folder, List<TypeRequest> formats,
        Optional<ImportanceMatrix> importance, boolean allowRequantize) {
    /** Copies the lists. */
    public QuantizeRequest {
        inputs = List.copyOf(inputs);
        formats = List.copyOf(formats);
    }

    /**
     * A GGUF model to be written in other formats.
     *
     * @param model stays open until the request has been run
     */
    public static QuantizeRequest of(String name, GgufModel model, Path folder, List<TypeRequest> formats, Optional<ImportanceMatrix> importance, boolean allowRequantize) {
        String key = model.files().stream().map(Fingerprint::of).collect(Collectors.joining("\n"));
        return new QuantizeRequest(name, model, model.metadata(), key, model.files(), folder, formats, importance, allowRequantize);
    }
}
