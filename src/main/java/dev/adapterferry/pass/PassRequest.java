package dev.adapterferry.pass;

import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a pass is to make.
 *
 * @param name       the model, for messages, the journal and the manifest
 * @param source     the weights under their GGUF names, in the order of the files
 * @param sourceKey  a text that changes whenever the weights would: revision of the base, hash of the adapter, settings
 *                   of the merge. A journal with another key is not continued
 * @param inputs     the files behind the source, watched for changes while it is read
 * @param outputs    the files, at least one
 * @param importance weights for the searches of the encoders, or empty
 * @param manifest   where to write the manifest, or empty
 */
public record PassRequest(String name, TensorSource source, String sourceKey, List<Path> inputs, List<PassOutput> outputs, Optional<ImportanceMatrix> importance,
        Optional<Path> manifest) {
    /** Copies the lists and refuses a request without any. */
    public PassRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        if (outputs.isEmpty()) {
            throw new IllegalArgumentException("a pass needs at least one output");
        }
    }
}
