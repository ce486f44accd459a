package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.Optional;

/** A merged checkpoint whose tensors are computed the plain way. */
record PlainCheckpoint(MergedCheckpoint merged) implements Checkpoint {
    @Override
    public String name() {
        return merged.name();
    }

    @Override
    public ObjectNode config() {
        return merged.config();
    }

    @Override
    public Optional<Path> file(String fileName) {
        return merged.file(fileName);
    }

    @Override
    public TensorSource tensors() {
        return merged.plain();
    }

    /** Nothing of its own. */
    @Override
    public void close() { }
}
