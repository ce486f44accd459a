package dev.adapterferry.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
    @TempDir
    Path folder;

    @Test
    void readsEveryTypeOfValue() {
        Path file = HandMadeGguf.header(0, 15)
                .string("u8").u32(0).bytes(200).string("i8").u32(1).bytes(200).string("u16").u32(2).u16(60000).string("i16").u32(3).u16(60000)
                .string("u32").u32(4).u32(4000000000L).string("i32").u32(5).u32(-7).string("f32").u32(6).f32(1.5f).string("yes").u32(7).bytes(1)
                .string("text").u32(8).string("größe 😀").string("u64").u32(10).u64(-1).string("i64").u32(11).u64(-1)
                .string("f64").u32(12).u64(Double.doubleToLongBits(Math.PI))
                .string("strings").u32(9).u32(8).u64(2).string("a").string("")
                .string("floats").u32(9).u32(6).u64(2).f32(0.5f).f32(-1).string("shorts").u32(9).u32(2).u64(1).u16(65535)
                .writeTo(folder.resolve("values.gguf"));
        try (GgufFile gguf = GgufFile.open(file)) {
            assertThat(gguf.metadata().entries().keySet())
                    .containsExactly("u8", "i8", "u16", "i16", "u32", "i32", "f32", "yes", "text", "u64", "i64", "f64", "strings", "floats", "shorts");
            assertThat(gguf.metadata().find("u8")).contains(new Value(ValueType.UINT8, null, 200L));
            assertThat(gguf.metadata().find("i8")).contains(new Value(ValueType.INT8, null, -56L));
            assertThat(gguf.metadata().findLong("u16")).contains(60000L);
            assertThat(gguf.metadata().findLong("i16")).contains(60000L - 65536);
            assertThat(gguf.metadata().findLong("u32")).contains(4000000000L);
            assertThat(gguf.metadata().findLong("i32")).contains(-7L);
            assertThat(gguf.metadata().find("f32")).contains(new Value(ValueType.FLOAT32, null, 1.5f));
            assertThat(gguf.metadata().find("yes")).contains(new Value(ValueType.BOOL, null, true));
            assertThat(gguf.metadata().findString("text")).contains("größe 😀");
            assertThat(gguf.metadata().find("u64")).contains(new Value(ValueType.UINT64, null, -1L));
            assertThat(gguf.metadata().find("f64")).contains(new Value(ValueType.FLOAT64, null, Math.PI));
            assertThat(gguf.metadata().findStrings("strings")).contains(List.of("a", ""));
            assertThat((float[]) gguf.metadata().find("floats").orElseThrow().value()).containsExactly(0.5f, -1);
            assertThat((long[]) gguf.metadata().find("shorts").orElseThrow().value()).containsExactly(65535);
        }
    }

    @Test
    void readsRowsOfPlainAndQuantizedTensorsInPyTorchOrder() {
        HandMadeGguf bytes = HandMadeGguf.header(2, 0)
                .string("stack").u32(3).u64(2).u64(3).u64(2).u32(1).u64(0)
                .string("q").u32(2).u64(32).u64(2).u32(8).u64(32).pad(32);
        for (int i = 0; i < 12; i++) {
            bytes.u16(Float.floatToFloat16(i - 6));
        }
        bytes.pad(32);
        for (int row = 0; row < 2; row++) {
            bytes.u16(Float.floatToFloat16(0.5f));
            for (int i = 0; i < 32; i++) {
                bytes.bytes(row == 0 ? i : -i);
            }
        }
        try (GgufFile gguf = GgufFile.open(bytes.pad(32).writeTo(folder.resolve("rows.gguf")))) {
            TensorInfo stack = gguf.find("stack").orElseThrow();
            assertThat(stack).isEqualTo(new TensorInfo("stack", GgmlType.F16, List.of(2L, 3L, 2L)));
            float[] values = new float[7];
            gguf.read(stack, 2, 3, values, 1);
            assertThat(values).containsExactly(0, -2, -1, 0, 1, 2, 3);
            float[] second = new float[32];
            gguf.read(gguf.find("q").orElseThrow(), 1, 1, second, 0);
            assertThat(second[0]).isZero();
            assertThat(second[31]).isEqualTo(-15.5f);
            byte[] stored = new byte[2];
            gguf.readStored(gguf.find("q").orElseThrow(), 34 + 3, 2, stored, 0);
            assertThat(stored).containsExactly(-1, -2);
            assertThat(gguf.find("none")).isEmpty();
        }
    }

    @Test
    void placesTypesItCannotDecodeAndSaysSoWhenAskedTo() {
        Path file = HandMadeGguf.header(1, 0).string("a").u32(1).u64(256).u32(16).u64(0).pad(32).bytes(new int[66]).pad(32).writeTo(folder.resolve("iq.gguf"));
        try (GgufFile gguf = GgufFile.open(file)) {
            TensorInfo a = gguf.find("a").orElseThrow();
            assertThat(a.type()).isEqualTo(UndecodedType.IQ2_XXS);
            assertThatThrownBy(() -> gguf.read(a, 0, 1, new float[256], 0)).isInstanceOf(FerryException.class).hasMessageContaining("IQ2_XXS");
        }
    }

    @Test
    void acceptsVersionTwoAndACutOffLastPadding() {
        byte[] bytes = HandMadeGguf.tiny().toBytes();
        bytes[4] = 2;
        try (GgufFile gguf = GgufFile.open(HandMadeGguf.write(folder.resolve("v2.gguf"), Arrays.copyOf(bytes, bytes.length - 16)))) {
            assertThat(gguf.version()).isEqualTo(2);
            assertThat(gguf.tensors()).hasSize(1);
        }
    }

    @Test
    void honoursAnotherAlignment() {
        Path file = HandMadeGguf.header(2, 1).string("general.alignment").u32(4).u32(64).string("a").u32(1).u64(1).u32(0).u64(0)
                .string("b").u32(1).u64(1).u32(0).u64(64).pad(64).f32(1).pad(64).f32(2).pad(64).writeTo(folder.resolve("aligned.gguf"));
        try (GgufFile gguf = GgufFile.open(file)) {
            float[] value = new float[1];
            gguf.read(gguf.find("b").orElseThrow(), 0, 1, value, 0);
            assertThat(value[0]).isEqualTo(2);
        }
    }

    @Test
    void rejectsAFileCutAtAnyByte() {
        byte[] whole = HandMadeGguf.tiny().toBytes();
        int needed = whole.length - 16;
        for (int length = 0; length < needed; length++) {
            Path file = HandMadeGguf.write(folder.resolve("cut.gguf"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> GgufFile.open(file).close()).as("cut to %d bytes", length).isInstanceOf(MalformedFile.class);
        }
    }

    @Test
    void rejectsForeignFilesByName() {
        assertRefused(new HandMadeGguf().ascii("GGML").u32(3).u64(0).u64(0), "GGUF", 0);
        assertRefused(new HandMadeGguf().ascii("GGUF").u32(1).u64(0).u64(0), "version 1", 4);
        assertRefused(new HandMadeGguf().ascii("GGUF").u32(4).u64(0).u64(0), "version 4", 4);
        assertRefused(new HandMadeGguf().ascii("GGUF").bytes(0, 0, 0, 3).u64(0).u64(0), "big-endian", 4);
    }

    @Test
    void rejectsCountsThatTheFileCannotHold() {
        assertRefused(HandMadeGguf.header(1L << 40, 0).pad(64), "number of tensors", 8);
        assertRefused(HandMadeGguf.header(-1, 0).pad(64), "number of tensors", 8);
        assertRefused(HandMadeGguf.header(0, 1000).pad(64), "number of keys", 16);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(8).u64(1L << 62).pad(64), "key 'k'", 37);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(9).u32(4).u64(1 << 20).pad(64), "key 'k'", 41);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(9).u32(8).u64(-1).pad(64), "key 'k'", 41);
    }

    @Test
    void rejectsBadKeys() {
        assertRefused(HandMadeGguf.header(0, 1).string("").u32(4).u32(1).pad(64), "empty", 24);
        assertRefused(HandMadeGguf.header(0, 2).string("k").u32(4).u32(1).string("k").u32(4).u32(1).pad(64), "appears twice", 41);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(13).u32(1).pad(64), "value type 13", 33);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(9).u32(9).u64(1).u32(4).u64(0), "array of arrays", 37);
        assertRefused(HandMadeGguf.header(0, 1).string("k").u32(7).bytes(2).pad(64), "BOOL", 37);
        assertRefused(HandMadeGguf.header(0, 1).u64(1).bytes(0xFF).u32(4).u32(1).pad(64), "UTF-8", 32);
        assertRefused(HandMadeGguf.header(0, 1).string("general.alignment").u32(4).u32(24).pad(64), "power of two", -1);
        assertRefused(HandMadeGguf.header(0, 1).string("general.alignment").u32(5).u32(32).pad(64), "power of two", -1);
    }

    @Test
    void rejectsBadTensorTables() {
        assertTableRefused(t -> t.string("").u32(1).u64(4).u32(0).u64(0), "empty");
        assertTableRefused(t -> t.string("n".repeat(64)).u32(1).u64(4).u32(0).u64(0), "longer than 63");
        assertTableRefused(t -> t.string("a").u32(5).u64(1).u64(1).u64(1).u64(1).u64(1).u32(0).u64(0), "5 dimensions");
        assertTableRefused(t -> t.string("a").u32(1).u64(-4).u32(0).u64(0), "dimension of");
        assertTableRefused(t -> t.string("a").u32(2).u64(1L << 40).u64(1L << 40).u32(0).u64(0), "more elements");
        assertTableRefused(t -> t.string("a").u32(1).u64(4).u32(4).u64(0), "unknown type 4");
        assertTableRefused(t -> t.string("a").u32(1).u64(4).u32(31).u64(0), "unknown type 31");
        assertTableRefused(t -> t.string("a").u32(1).u64(4).u32(99).u64(0), "unknown type 99");
        assertTableRefused(t -> t.string("a").u32(1).u64(33).u32(8).u64(0), "whole Q8_0 blocks");
        assertTableRefused(t -> t.string("a").u32(1).u64(4).u32(0).u64(32), "starts at 32");
        assertTableRefused(t -> t.string("a").u32(1).u64(1000).u32(0).u64(0), "the file has only");
    }

    @Test
    void rejectsOverlapsGapsAndTwins() {
        HandMadeGguf overlap = HandMadeGguf.header(2, 0).string("a").u32(1).u64(4).u32(0).u64(0).string("b").u32(1).u64(4).u32(0).u64(0).pad(256);
        assertRefused(overlap, "starts at 0 of the data, but the tensors before it end at 32", 57);
        HandMadeGguf gap = HandMadeGguf.header(2, 0).string("a").u32(1).u64(4).u32(0).u64(0).string("b").u32(1).u64(4).u32(0).u64(64).pad(256);
        assertRefused(gap, "starts at 64", 57);
        HandMadeGguf twins = HandMadeGguf.header(2, 0).string("a").u32(1).u64(4).u32(0).u64(0).string("a").u32(1).u64(4).u32(0).u64(32).pad(256);
        assertRefused(twins, "appears twice", 57);
    }

    @Test
    void namesInMessagesArePrintable() {
        assertRefused(HandMadeGguf.header(0, 1).string("\u001b[31m\n").u32(13).u32(1).pad(64), "key '?[31m?'", 38);
    }

    @Test
    void survivesAnyDamagedByte() {
        byte[] sound = HandMadeGguf.tiny().toBytes();
        Random random = new Random(11);
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = sound.clone();
            for (int k = 0; k <= random.nextInt(3); k++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            Path file = HandMadeGguf.write(folder.resolve("damaged.gguf"), damaged);
            try (GgufFile gguf = GgufFile.open(file)) {
                assertThat(gguf.dataEnd()).isLessThanOrEqualTo(damaged.length);
            } catch (MalformedFile e) {
                assertThat(e.offset()).isLessThanOrEqualTo(damaged.length);
            }
        }
    }

    private void assertTableRefused(UnaryOperator<HandMadeGguf> table, String reason) {
        assertRefused(table.apply(HandMadeGguf.header(1, 0)).pad(128), reason, 24);
    }

    private void assertRefused(HandMadeGguf bytes, String reason, long offset) {
        Path file = bytes.writeTo(folder.resolve("refused.gguf"));
        assertThatThrownBy(() -> GgufFile.open(file).close()).isInstanceOfSatisfying(MalformedFile.class, e -> {
            assertThat(e).hasMessageContaining(reason).hasMessageContaining(file.toString());
            assertThat(e.offset()).isEqualTo(offset);
        });
    }
}
