package dev.adapterferry.pass;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.files.Durable;
import dev.adapterferry.tensor.Fingerprint;
import java.nio.file.Path;
import java.util.List;

/**
 * The record beside the outputs of what they are made of: inputs, tool, and the XXH64 of every tensor's bytes.
 * The same pass gives the same text.
 */
final class Manifest {
    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Manifest() { }

    static void write(Path file, PassRequest request, String toolVersion, List<PassResult.FileResult> files) {
        ObjectNode root = JSON.createObjectNode().put("manifest", 1).put("tool", "Adapter Ferry " + toolVersion).put("model", request.name());
        ObjectNode source = root.putObject("source").put("key", request.sourceKey());
        ArrayNode inputs = source.putArray("files");
        request.inputs().forEach(input -> inputs.addObject().put("file", input.getFileName().toString()).put("fingerprint", Fingerprint.of(input)));
        request.importance().ifPresent(matrix -> root.put("importance", matrix.source()));
        if (!request.notes().isEmpty()) {
            request.notes().forEach(root.putArray("notes")::add);
        }
        ArrayNode outputs = root.putArray("outputs");
        for (PassResult.FileResult result : files) {
            ObjectNode output = outputs.addObject().put("file", result.file().getFileName().toString()).put("format", result.format()).put("size", result.size());
            ArrayNode tensors = output.putArray("tensors");
            for (PassResult.TensorResult tensor : result.tensors()) {
                ObjectNode node = tensors.addObject().put("name", tensor.name()).put("type", tensor.type().name());
                tensor.shape().forEach(node.putArray("shape")::add);
                node.put("xxh64", tensor.xxh64());
            }
        }
        try {
            Durable.write(file, JSON.writeValueAsString(root) + "\n");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of JSON nodes can always be written", e);
        }
    }
}
