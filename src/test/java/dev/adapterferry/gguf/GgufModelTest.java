package dev.adapterferry.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufModelTest {
    @TempDir
    Path folder;

    @Test
    void seesShardsAsOneModel() {
        Path first = shard(0, 2, "a");
        shard(1, 2, "b");
        try (GgufModel model = GgufModel.open(first)) {
            assertThat(model.tensors()).extracting(TensorInfo::name).containsExactly("a", "b");
            assertThat(model.metadata().entries().keySet()).containsExactly("general.architecture");
            assertThat(model.files()).hasSize(2);
            float[] value = new float[1];
            model.read(model.find("b").orElseThrow(), 0, 1, value, 0);
            assertThat(value[0]).isEqualTo(1);
            assertThat(model.identity(model.find("a").orElseThrow())).isNotEqualTo(model.identity(model.find("b").orElseThrow()));
        }
    }

    @Test
    void opensASingleFile() {
        try (GgufModel model = GgufModel.open(HandMadeGguf.tiny().writeTo(folder.resolve("one.gguf")))) {
            assertThat(model.tensors()).hasSize(1);
        }
    }

    @Test
    void refusesShardsThatDoNotBelongTogether() {
        Path first = shard(0, 2, "a");
        assertThatThrownBy(() -> GgufModel.open(first)).isInstanceOf(FerryException.class).hasMessageContaining("m-00002-of-00002.gguf");
        Path second = shard(1, 2, "a");
        assertThatThrownBy(() -> GgufModel.open(first)).isInstanceOf(MalformedFile.class).hasMessageContaining("in another shard too");
        assertThatThrownBy(() -> GgufModel.open(second)).isInstanceOf(MalformedFile.class).hasMessageContaining("not the first shard");
        first.toFile().renameTo(folder.resolve("renamed.gguf").toFile());
        assertThatThrownBy(() -> GgufModel.open(folder.resolve("renamed.gguf"))).isInstanceOf(MalformedFile.class).hasMessageContaining("PREFIX-00001-of-00002");
    }

    private Path shard(int number, int count, String tensor) {
        HandMadeGguf shard = number == 0
                ? HandMadeGguf.header(1, 4).string("general.architecture").u32(8).string("llama")
                : HandMadeGguf.header(1, 3);
        return shard.string("split.no").u32(2).u16(number).string("split.count").u32(2).u16(count).string("split.tensors.count").u32(5).u32(2)
                .string(tensor).u32(1).u64(1).u32(0).u64(0).pad(32).f32(number).pad(32)
                .writeTo(folder.resolve("m-%05d-of-%05d.gguf".formatted(number + 1, count)));
    }
}
