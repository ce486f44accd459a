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
 * @param notes      what the user should know of the files; the manifest keeps it
 */
public record PassRequest(String name, TensorSource source, String sourceKey, List<Path> inputs, List<PassOutput> outputs, Optional<ImportanceMatrix> importance,
        Optional<Path> manifest, List<String> notes) {
    /** Copies the lists and refuses a request without any. */
    public PassRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        notes = List.copyOf(notes);
        if (outputs.isEmpty()) {
            throw new IllegalArgumentException("a pass needs at least one output");
        }
    }

    /** A pass of which there is nothing to tell. */
    public PassRequest(String name, TensorSource source, String sourceKey, List<Path> inputs, List<PassOutput> outputs, Optional<ImportanceMatrix> importance, Optional<Path> manifest) {
        this(name, source, sourceKey, inputs, outputs, importance, manifest, List.of());
    }
}
