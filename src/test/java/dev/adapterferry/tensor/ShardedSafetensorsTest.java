package dev.adapterferry.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedSafetensorsTest {
    @TempDir
    Path folder;

    private static TensorInfo info(String name, ElementType type, long... shape) {
        return new TensorInfo(name, type, java.util.Arrays.stream(shape).boxed().toList());
    }

    private void write(String file, String... names) {
        List<TensorInfo> tensors = Stream.of(names).map(name -> info(name, ElementType.F32, 2, 2)).toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve(file), tensors, Map.of())) {
            for (TensorInfo tensor : tensors) {
                float first = tensor.name().charAt(0);
                writer.write(tensor, 0, 2, new float[] {first, first + 1, first + 2, first + 3}, 0);
            }
            writer.commit();
        }
    }

    private void index(String json) throws IOException {
        Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    private void refuses(String... words) {
        assertThatThrownBy(() -> ShardedSafetensors.find(folder, "model")).isInstanceOf(MalformedFile.class).hasMessageContainingAll(words);
    }

    @Test
    void readsShardsInFileOrderAndOnlyThoseOfTheIndex() throws IOException {
        write("model-2.safetensors", "a", "d");
        write("model-1.safetensors", "c", "b");
        write("model-extra.safetensors", "x");
        index("{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"model-2.safetensors\",\"b\":\"model-1.safetensors\",\"c\":\"model-1.safetensors\",\"d\":\"model-2.safetensors\"}}");
        try (ShardedSafetensors opened = ShardedSafetensors.find(folder, "model").orElseThrow()) {
            assertThat(opened.tensors()).extracting(TensorInfo::name).containsExactly("b", "c", "a", "d");
            float[] values = new float[2];
            opened.read(opened.find("d").orElseThrow(), 1, 1, values, 0);
            assertThat(values).containsExactly('d' + 2, 'd' + 3);
            assertThat(opened.files()).extracting(f -> f.getFileName().toString())
                    .containsExactly("model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors");
            assertThat(opened.identity(opened.find("a").orElseThrow())).isNotEqualTo(opened.identity(opened.find("d").orElseThrow()));
        }
    }

    @Test
    void readsEveryModelFileWhereThereIsNoIndex() {
        write("model-1.safetensors", "a");
        write("model-2.safetensors", "b");
        write("consolidated.safetensors", "a");
        try (ShardedSafetensors opened = ShardedSafetensors.find(folder, "model").orElseThrow()) {
            assertThat(opened.tensors()).extracting(TensorInfo::name).containsExactly("a", "b");
        }
        assertThat(ShardedSafetensors.find(folder, "adapter_model")).isEmpty();
    }

    @Test
    void rejectsATensorInTwoShards() {
        write("model-1.safetensors", "a");
        write("model-2.safetensors", "a");
        refuses("'a'", "model-1.safetensors as well");
    }

    @Test
    void rejectsATensorThatTheIndexDoesNotList() throws IOException {
        write("model-1.safetensors", "a", "b");
        index("{\"weight_map\":{\"a\":\"model-1.safetensors\"}}");
        refuses("'b'", "is not in model.safetensors.index.json");
    }

    @Test
    void rejectsATensorThatItsShardDoesNotHold() throws IOException {
        write("model-1.safetensors", "a");
        index("{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-1.safetensors\"}}");
        refuses("'b'", "does not hold it");
    }

    @Test
    void rejectsAMissingShard() throws IOException {
        write("model-1.safetensors", "a");
        index("{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}");
        refuses("model-2.safetensors", "missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"../model.safetensors\"", "\"/tmp/model.safetensors\"", "\"sub\\\\model.safetensors\"", "\"model\\u0000.safetensors\"", "\"..\"",
        "\".safetensors\"", "\"config.json\"", "7", "\"C:model.safetensors\""})
    void rejectsFileNamesThatLeaveTheFolder(String name) throws IOException {
        index("{\"weight_map\":{\"a\":" + name + "}}");
        refuses("'a'", "plain name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "[]", "{\"weight_map\":[]}", "{\"weight_map\":{}}", "{", "{\"weight_map\":{\"a\":\"m.safetensors\",\"a\":\"m.safetensors\"}}"})
    void rejectsAnIndexThatIsNone(String json) throws IOException {
        index(json);
        refuses("model.safetensors.index.json");
    }

    @Test
    void followsLinksIntoAHubCacheButNotElsewhere(@TempDir Path elsewhere) throws IOException {
        write("model-1.safetensors", "a");
        String json = "{\"weight_map\":{\"a\":\"model-1.safetensors\"}}";
        index(json);
        Path outside = Files.move(folder.resolve("model-1.safetensors"), elsewhere.resolve("f"));
        Files.createSymbolicLink(folder.resolve("model-1.safetensors"), outside);
        refuses("leaves the folder");

        Path snapshot = Files.createDirectories(folder.resolve("cache/snapshots/abc"));
        String hash = "0123456789abcdef".repeat(4);
        Path blob = Files.createDirectories(folder.resolve("cache/blobs")).resolve(hash);
        Files.move(outside, blob);
        Files.createSymbolicLink(snapshot.resolve("model-1.safetensors"), Path.of("../../blobs/" + hash));
        Files.writeString(snapshot.resolve("model.safetensors.index.json"), json);
        try (ShardedSafetensors opened = ShardedSafetensors.find(snapshot, "model").orElseThrow()) {
            assertThat(opened.identity(opened.tensors().getFirst()).orElseThrow()).startsWith("sha256:" + hash);
        }
    }

    @Test
    void writesWhatItReadsInShards() throws IOException {
        Random random = new Random(3);
        List<TensorInfo> tensors = List.of(info("b", ElementType.BF16, 300, 1000), info("a", ElementType.F16, 3, 5), info("c", ElementType.F32, 7),
                info("d", ElementType.I64, 2), info("e", ElementType.F32), info("f", ElementType.F32, 0, 4));
        List<float[]> values = tensors.stream().map(t -> {
            float[] v = new float[(int) t.elements()];
            IntStream.range(0, v.length).forEach(i -> v[i] = (float) random.nextGaussian());
            return v;
        }).toList();
        byte[] longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(folder, tensors, 64)) {
            IntStream.range(0, tensors.size()).filter(i -> i != 3).parallel().forEach(i -> {
                TensorInfo t = tensors.get(i);
                for (int row = 0; row < t.rows(); row++) {
                    writer.write(t, row, 1, values.get(i), row * (int) t.rowLength());
                }
            });
            writer.writeStored(tensors.get(3), 0, 10, longs, 0);
            assertThatThrownBy(writer::commit).isInstanceOf(IllegalStateException.class).hasMessageContaining("d has 10 of 16");
            writer.writeStored(tensors.get(3), 10, 6, longs, 10);
            assertThat(folder.resolve("model-00002-of-00003.safetensors")).doesNotExist();
        }
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(folder, tensors, 64)) {
            for (int i = 0; i < tensors.size(); i++) {
                if (i == 3) {
                    writer.writeStored(tensors.get(i), 0, 16, longs, 0);
                } else {
                    writer.write(tensors.get(i), 0, (int) tensors.get(i).rows(), values.get(i), 0);
                }
            }
            writer.commit();
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactlyInAnyOrder("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                    "model-00003-of-00003.safetensors", "model.safetensors.index.json");
        }
        try (ShardedSafetensors opened = ShardedSafetensors.find(folder, "model").orElseThrow()) {
            assertThat(opened.tensors()).hasSameElementsAs(tensors);
            for (int i = 0; i < tensors.size(); i++) {
                TensorInfo t = tensors.get(i);
                if (i == 3) {
                    byte[] stored = new byte[16];
                    opened.readStored(t, 0, 16, stored, 0);
                    assertThat(stored).isEqualTo(longs);
                    continue;
                }
                float[] read = new float[(int) t.elements()];
                opened.read(t, 0, (int) t.rows(), read, 0);
                for (int k = 0; k < read.length; k++) {
                    assertThat(read[k]).isEqualTo(((ElementType) t.type()).round(values.get(i)[k]));
                }
            }
        }
    }

    @Test
    void alignsEveryTensorToItsElements() throws IOException {
        List<TensorInfo> tensors = List.of(info("a", ElementType.U8, 3), info("b", ElementType.F32, 1), info("c", ElementType.BF16, 1));
        Path file = folder.resolve("x.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, tensors, Map.of("format", "pt"))) {
            writer.writeStored(tensors.get(0), 0, 3, new byte[3], 0);
            writer.write(tensors.get(1), 0, 1, new float[] {1.5f}, 0);
            writer.write(tensors.get(2), 0, 1, new float[1], 0);
            writer.commit();
        }
        byte[] bytes = Files.readAllBytes(file);
        int headerLength = bytes[0] & 0xFF;
        assertThat(headerLength % 8).isZero();
        assertThat(new String(bytes, 8, headerLength)).contains("\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                "\"c\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[4,6]}", "\"__metadata__\":{\"format\":\"pt\"}");
        assertThat(bytes).hasSize(8 + headerLength + 9);
    }

    @Test
    void opensACheckpointFolder() throws IOException {
        write("model.safetensors", "a");
        assertThatThrownBy(() -> CheckpointFolder.open(folder)).isInstanceOf(FerryException.class).hasMessageContaining("config.json");
        Files.writeString(folder.resolve("config.json"), "{\"hidden_size\":4}");
        Files.writeString(folder.resolve("tokenizer.json"), "{}");
        try (CheckpointFolder opened = CheckpointFolder.open(folder, "org/tiny")) {
            assertThat(opened.name()).isEqualTo("org/tiny");
            opened.config().put("hidden_size", 5);
            assertThat(opened.config().get("hidden_size").asInt()).isEqualTo(4);
            assertThat(opened.file("tokenizer.json")).contains(folder.resolve("tokenizer.json"));
            assertThat(opened.file("tokenizer.model")).isEmpty();
            assertThatThrownBy(() -> opened.file("../x")).isInstanceOf(IllegalArgumentException.class);
            assertThat(opened.files()).contains(folder.resolve("config.json"), folder.resolve("model.safetensors"));
        }
        Files.writeString(folder.resolve("config.json"), "{\"a\":1,\"a\":2}");
        assertThatThrownBy(() -> CheckpointFolder.open(folder)).isInstanceOf(MalformedFile.class).hasMessageContaining("config.json");
    }

    @Test
    void saysWhatAFolderWithoutSafetensorsIs() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
        Files.writeString(folder.resolve("pytorch_model.bin"), "");
        assertThatThrownBy(() -> CheckpointFolder.open(folder)).hasMessageContaining("pytorch_model.bin");
        assertThatThrownBy(() -> CheckpointFolder.open(folder.resolve("absent"))).hasMessageContaining("not a folder");
    }
}
