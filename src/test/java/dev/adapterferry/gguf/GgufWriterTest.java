package dev.adapterferry.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
    @TempDir
    Path folder;

    @Test
    void writesTheBytesOfTheSpecification() throws IOException {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama");
        GgufPlan plan = GgufPlan.of(metadata, List.of(f32("a.weight", 4)), t -> GgmlType.F32);
        Path file = folder.resolve("a.gguf");
        ByteBuffer values = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putFloat(1).putFloat(-2).putFloat(0.5f).putFloat(3).flip();
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            writer.write(0, 0, values);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(HandMadeGguf.tiny().toBytes());
        assertThat(plan.size()).isEqualTo(Files.size(file));
    }

    @Test
    void writesEveryTypeOfValue() throws IOException {
        GgufMetadata metadata = new GgufMetadata().put("u8", new Value(ValueType.UINT8, null, 200L)).put("i16", new Value(ValueType.INT16, null, -2L))
                .put("u64", new Value(ValueType.UINT64, null, -1L)).put("f64", new Value(ValueType.FLOAT64, null, 2.5)).putBool("yes", true)
                .putInts("ints", new int[] {1, -1}).putStrings("strings", List.of("x", "yz")).putFloats("floats", new float[] {0.25f})
                .putBools("bools", List.of(true, false)).put("bytes", new Value(ValueType.ARRAY, ValueType.UINT8, new byte[] {-1, 2}))
                .put("boxed", new Value(ValueType.ARRAY, ValueType.UINT8, List.of(255L, 2L))).put("shorts", new Value(ValueType.ARRAY, ValueType.UINT16, new long[] {65535}));
        HandMadeGguf expected = HandMadeGguf.header(0, 12).string("u8").u32(0).bytes(200).string("i16").u32(3).u16(-2).string("u64").u32(10).u64(-1)
                .string("f64").u32(12).u64(Double.doubleToLongBits(2.5)).string("yes").u32(7).bytes(1)
                .string("ints").u32(9).u32(5).u64(2).u32(1).u32(-1).string("strings").u32(9).u32(8).u64(2).string("x").string("yz")
                .string("floats").u32(9).u32(6).u64(1).f32(0.25f).string("bools").u32(9).u32(7).u64(2).bytes(1, 0)
                .string("bytes").u32(9).u32(0).u64(2).bytes(255, 2).string("boxed").u32(9).u32(0).u64(2).bytes(255, 2)
                .string("shorts").u32(9).u32(2).u64(1).u16(65535).pad(32);
        assertThat(GgufPlan.of(metadata, List.of(), t -> GgmlType.F32).header()).isEqualTo(expected.toBytes());
    }

    @Test
    void placesTensorsAtTheRunningSum() {
        List<TensorInfo> tensors = List.of(f32("a", 33), f32("b", 3, 64), f32("scalar"), f32("c", 2, 2, 32));
        GgufPlan plan = GgufPlan.of(new GgufMetadata(), tensors, t -> t.rowLength() % 32 == 0 ? GgmlType.Q8_0 : GgmlType.F32);
        long data = plan.header().length;
        assertThat(plan.tensors()).extracting(t -> t.offset() - data).containsExactly(0L, 160L, 384L, 416L);
        assertThat(plan.tensors()).extracting(GgufPlan.Tensor::bytes).containsExactly(132L, 204L, 4L, 136L);
        assertThat(plan.size()).isEqualTo(data + 576);
        assertThat(data % 32).isZero();
        assertThat(plan.endOf(3)).isEqualTo(plan.size());
    }

    @Test
    void manyThreadsInAnyOrderGiveTheSameBytesAndZeroPadding() throws Exception {
        List<TensorInfo> tensors = List.of(f32("a", 100, 7), f32("b", 50, 33), f32("c", 1), f32("d", 999));
        GgufPlan plan = GgufPlan.of(new GgufMetadata().putString("general.architecture", "x"), tensors, t -> GgmlType.F32);
        byte[] expected = new byte[(int) plan.size()];
        System.arraycopy(plan.header(), 0, expected, 0, plan.header().length);
        List<Callable<Void>> pieces = new ArrayList<>();
        Path file = folder.resolve("many.gguf");
        Random random = new Random(5);
        try (GgufWriter writer = GgufWriter.create(file, plan); ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int t = 0; t < tensors.size(); t++) {
                GgufPlan.Tensor tensor = plan.tensors().get(t);
                for (long at = 0; at < tensor.bytes(); at += 128) {
                    byte[] piece = new byte[(int) Math.min(128, tensor.bytes() - at)];
                    random.nextBytes(piece);
                    System.arraycopy(piece, 0, expected, (int) (tensor.offset() + at), piece.length);
                    int index = t;
                    long offset = at;
                    pieces.add(() -> {
                        writer.write(index, offset, ByteBuffer.wrap(piece));
                        return null;
                    });
                }
            }
            Collections.shuffle(pieces, random);
            for (Future<Void> done : threads.invokeAll(pieces)) {
                done.get();
            }
            writer.force();
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(expected);
    }

    @Test
    void startsOverOnCreateAndGoesOnAfterReopen() throws IOException {
        GgufPlan plan = GgufPlan.of(new GgufMetadata(), List.of(f32("a", 2)), t -> GgmlType.F32);
        Path file = folder.resolve("again.gguf");
        Files.write(file, new byte[5000]);
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            writer.write(0, 0, ByteBuffer.wrap(new byte[] {1, 2, 3, 4}));
        }
        try (GgufWriter writer = GgufWriter.reopen(file, plan)) {
            writer.write(0, 4, ByteBuffer.wrap(new byte[] {5, 6, 7, 8}));
        }
        byte[] bytes = Files.readAllBytes(file);
        assertThat(bytes).hasSize((int) plan.size());
        assertThat(bytes).containsSequence(1, 2, 3, 4, 5, 6, 7, 8);
        GgufPlan other = GgufPlan.of(new GgufMetadata(), List.of(f32("a", 200)), t -> GgmlType.F32);
        assertThatThrownBy(() -> GgufWriter.reopen(file, other)).isInstanceOf(FerryException.class).hasMessageContaining("expected " + other.size());
    }

    @Test
    void refusesASecondWriterAndPiecesOutsideTheTensor() {
        GgufPlan plan = GgufPlan.of(new GgufMetadata(), List.of(f32("a", 2), f32("b", 2)), t -> GgmlType.F32);
        Path file = folder.resolve("locked.gguf");
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            assertThatThrownBy(() -> GgufWriter.create(file, plan)).isInstanceOf(FerryException.class).hasMessageContaining("another pass");
            assertThatThrownBy(() -> writer.write(0, 4, ByteBuffer.allocate(8))).isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("'a'");
        }
    }

    @Test
    void refusesPlansThatLlamaCppWouldNotLoad() {
        assertRefused(List.of(f32("a", 33)), GgmlType.Q8_0, "whole Q8_0 blocks");
        assertRefused(List.of(f32("a", 1), f32("a", 1)), GgmlType.F32, "appears twice");
        assertRefused(List.of(f32("n".repeat(64), 1)), GgmlType.F32, "63 bytes");
        assertRefused(List.of(f32("a", 1, 1, 1, 1, 1)), GgmlType.F32, "5 dimensions");
        GgufMetadata wide = new GgufMetadata().put("k", new Value(ValueType.UINT8, null, 256L));
        assertThatThrownBy(() -> GgufPlan.of(wide, List.of(), t -> GgmlType.F32)).hasMessageContaining("k = 256 does not fit UINT8");
    }

    private static void assertRefused(List<TensorInfo> tensors, GgmlType type, String reason) {
        assertThatThrownBy(() -> GgufPlan.of(new GgufMetadata(), tensors, t -> type)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(reason);
    }

    private static TensorInfo f32(String name, long... shape) {
        return new TensorInfo(name, GgmlType.F32, java.util.Arrays.stream(shape).boxed().toList());
    }
}
