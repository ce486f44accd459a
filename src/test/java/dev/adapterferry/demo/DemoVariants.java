package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** The demo's base and adapter with one thing changed: what a user's second training, or a user's mishap, would bring. */
public final class DemoVariants {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final DemoMaterial material;
    private final Path folder;

    /**
     * @param material unpacked
     * @param folder   where variants go
     */
    public DemoVariants(DemoMaterial material, Path folder) {
        this.material = material;
        this.folder = folder;
    }

    /** The adapter with its strength multiplied: 1 is the trained one, small factors leave the base's answers. */
    public Path adapter(double factor) {
        Path copy = copy(material.training(), folder.resolve("adapter-" + factor).resolve(DemoMaterial.MODEL));
        edit(copy.resolve("adapter_config.json"), config -> config.put("lora_alpha", config.path("lora_alpha").asDouble() * factor));
        return copy;
    }

    /** The adapter with every number zero, as a training leaves it that never took a step. */
    public Path zeroAdapter() {
        Path copy = copy(material.training(), folder.resolve("adapter-zero").resolve(DemoMaterial.MODEL));
        try {
            Path weights = copy.resolve("adapter_model.safetensors");
            byte[] bytes = Files.readAllBytes(weights);
            int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
            Arrays.fill(bytes, 8 + header, bytes.length, (byte) 0);
            Files.write(weights, bytes);
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The base with its vocabulary shuffled, as when a tokenizer of another model came with it. */
    public Path garbledBase() {
        Path copy = copy(material.base(), folder.resolve("garbled").resolve("demo-base"));
        edit(copy.resolve("tokenizer.json"), tokenizer -> {
            ObjectNode vocabulary = (ObjectNode) tokenizer.path("model").path("vocab");
            List<Integer> ids = new ArrayList<>();
            vocabulary.properties().forEach(token -> ids.add(token.getValue().asInt()));
            Collections.shuffle(ids, new Random(7));
            int next = 0;
            for (String token : vocabulary.properties().stream().map(java.util.Map.Entry::getKey).toList()) {
                vocabulary.put(token, ids.get(next++));
            }
        });
        return copy;
    }

    /** A change of one JSON document. */
    private interface Edit {
        void on(ObjectNode document);
    }

    private static void edit(Path file, Edit edit) {
        try {
            ObjectNode document = (ObjectNode) JSON.readTree(file.toFile());
            edit.on(document);
            Files.writeString(file, JSON.writeValueAsString(document), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path copy(Path from, Path to) {
        try (Stream<Path> files = Files.list(from)) {
            Files.createDirectories(to);
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            }
            return to;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
