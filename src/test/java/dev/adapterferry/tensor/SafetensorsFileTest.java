package dev.adapterferry.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
    @TempDir
    Path folder;

    /** A file of the given header text and so many data bytes, written by hand. */
    private Path file(String header, int dataBytes) throws IOException {
        return file(header.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    private Path file(byte[] header, int dataBytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
        out.write(header);
        for (int i = 0; i < dataBytes; i++) {
            out.write(i);
        }
        return Files.write(folder.resolve("model.safetensors"), out.toByteArray());
    }

    private static String tensor(String name, String dtype, String shape, String offsets) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    private void refuses(Path file, String... words) {
        assertThatThrownBy(() -> SafetensorsFile.open(file).close()).isInstanceOf(MalformedFile.class)
                .hasMessageContaining(file.toString())
                .satisfies(e -> assertThat(e.getMessage()).contains(List.of(words)));
    }

    @Test
    void readsTensorsInNameOrderWithEscapesMetadataAndPadding() throws IOException {
        Path file = file("{\"__metadata__\":{\"format\":\"pt\"}," + tensor("z", "U8", "[2,3]", "[4,10]") + ", "
                + tensor("\\u00e9", "U8", "[]", "[10,11]") + "," + tensor("a", "F32", "[1]", "[0,4]") + "," + tensor("empty", "F32", "[0,7]", "[4,4]") + "}    ", 11);
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.tensors()).extracting(TensorInfo::name).containsExactly("a", "empty", "z", "é");
            assertThat(opened.metadata()).isEqualTo(Map.of("format", "pt"));
            TensorInfo z = opened.find("z").orElseThrow();
            assertThat(z.shape()).containsExactly(2L, 3L);
            float[] values = new float[5];
            opened.read(z, 1, 1, values, 1);
            assertThat(values).containsExactly(0, 7, 8, 9, 0);
            opened.read(opened.find("é").orElseThrow(), 0, 1, values, 0);
            assertThat(values[0]).isEqualTo(10);
            byte[] bytes = new byte[3];
            opened.readStored(z, 2, 3, bytes, 0);
            assertThat(bytes).containsExactly(6, 7, 8);
            assertThat(opened.find("nothing")).isEmpty();
            assertThatThrownBy(() -> opened.read(z, 1, 2, new float[9], 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> opened.readStored(z, 4, 3, bytes, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void identifiesBytesAcrossReopeningUntilTheFileChanges() throws IOException {
        Path file = file("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", 4);
        String before;
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            before = opened.identity(opened.tensors().getFirst()).orElseThrow();
        }
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.identity(opened.tensors().getFirst())).contains(before);
        }
        Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(1));
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.identity(opened.tensors().getFirst()).orElseThrow()).isNotEqualTo(before);
        }
    }

    @Test
    void rejectsMissingFile() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("none"))).isInstanceOf(FerryException.class).hasMessageContaining("no such file");
    }

    @Test
    void rejectsFileShorterThanItsLengthField() throws IOException {
        refuses(Files.write(folder.resolve("short"), new byte[7]), "7 bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001})
    void rejectsHugeHeaderLength(long length) throws IOException {
        refuses(Files.write(folder.resolve("huge"), ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array()),
                "at byte 0", Long.toUnsignedString(length));
    }

    @Test
    void rejectsHeaderLongerThanTheFile() throws IOException {
        refuses(Files.write(folder.resolve("long"), ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(9).array()), "truncated");
    }

    @Test
    void recognisesAGitLfsPointer() throws IOException {
        refuses(Files.writeString(folder.resolve("lfs"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"), "Git LFS pointer", "git lfs pull");
    }

    @Test
    void rejectsHeaderThatIsNotUtf8() throws IOException {
        byte[] header = ("{" + tensor("aXb", "U8", "[4]", "[0,4]") + "}").getBytes(StandardCharsets.ISO_8859_1);
        header[3] = (byte) 0xC0;
        refuses(file(header, 4), "at byte 11", "UTF-8");
    }

    @Test
    void rejectsUtf16Header() throws IOException {
        refuses(file(("{" + tensor("a", "U8", "[4]", "[0,4]") + "}").getBytes(StandardCharsets.UTF_16LE), 4), "'{'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", " {}", "null", "{", "{}x", "{} {}", "{\"a\":}", "{'a':1}", "{\"a\":1}", "{\"a\":[[[[[[]]]]]]}", "{} //"})
    void rejectsHeaderThatIsNotTheRightJson(String header) throws IOException {
        refuses(file(header, 0), "at byte");
    }

    @Test
    void rejectsEmptyHeader() throws IOException {
        refuses(file("", 0), "'{'");
    }

    @Test
    void rejectsDuplicateTensorNames() throws IOException {
        refuses(file("{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("\\u0061", "U8", "[4]", "[0,4]") + "}", 4), "Duplicate", "'a'");
    }

    @Test
    void rejectsDuplicateMetadata() throws IOException {
        refuses(file("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "__metadata__");
    }

    @Test
    void rejectsMetadataThatIsNotText() throws IOException {
        refuses(file("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__.a");
    }

    @Test
    void rejectsDuplicateEntryOfATensor() throws IOException {
        refuses(file("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4), "dtype");
    }

    @ParameterizedTest
    @ValueSource(strings = {"F4", "F7", "bf16", "C64"})
    void rejectsUnknownDtype(String dtype) throws IOException {
        refuses(file("{" + tensor("a", dtype, "[4]", "[0,4]") + "}", 4), "'a'", dtype);
    }

    @Test
    void rejectsUnknownEntryOfATensor() throws IOException {
        refuses(file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"strides\":[1]}}", 4), "strides");
    }

    @Test
    void rejectsTensorWithoutOffsets() throws IOException {
        refuses(file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4), "data_offsets");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[-1]", "[4.0]", "[1e3]", "[\"4\"]", "[9223372036854775808]", "[null]", "[[4]]", "4", "[1,1,1,1,1,1,1,1,4]", "[-0,4]"})
    void rejectsShapeThatIsNotPlainIntegers(String shape) throws IOException {
        refuses(file("{" + tensor("a", "U8", shape, "[0,4]") + "}", 4), "shape of tensor 'a'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[0]", "[0,4,8]", "[0,-4]", "[4,0]", "[0,4.5]", "[1,5]"})
    void rejectsWrongOffsets(String offsets) throws IOException {
        refuses(file("{" + tensor("a", "U8", "[4]", offsets) + "}", 4), "'a'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[4294967296,4294967296]", "[3037000500,3037000500,1]", "[9223372036854775807,2]"})
    void rejectsShapeWhoseProductOverflows(String shape) throws IOException {
        refuses(file("{" + tensor("a", "F32", shape, "[0,4]") + "}", 4), "impossible shape");
    }

    @Test
    void rejectsShapeThatDoesNotFitItsOffsets() throws IOException {
        refuses(file("{" + tensor("a", "F32", "[2,3]", "[0,4]") + "}", 4), "needs 24 bytes", "span 4");
    }

    @ParameterizedTest
    @CsvSource({"0,4,3,7,overlaps", "0,4,5,9,hole", "1,5,5,9,hole", "0,4,0,4,overlaps"})
    void rejectsHolesAndOverlaps(int begin, int end, int begin2, int end2, String word) throws IOException {
        refuses(file("{" + tensor("a", "U8", "[4]", "[" + begin + "," + end + "]") + "," + tensor("b", "U8", "[4]", "[" + begin2 + "," + end2 + "]") + "}", 9), word);
    }

    @Test
    void rejectsTruncatedData() throws IOException {
        refuses(file("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", 3), "truncated", "at byte");
    }

    @Test
    void rejectsTrailingBytes() throws IOException {
        refuses(file("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", 5), "1 more bytes");
    }

    @Test
    void keepsControlCharactersOutOfMessages() throws IOException {
        Path file = file("{" + tensor("a\\u001b[31m\\nx\\u202e", "U8", "[4]", "[0,5]") + "}", 5);
        assertThatThrownBy(() -> SafetensorsFile.open(file)).hasMessageContaining("'a?[31m?x?'").message().doesNotContain("\n", "\u001b", "\u202e");
    }

    @Test
    void noticesAFileCutShortWhileOpen() throws IOException {
        Path file = file("{" + tensor("a", "U8", "[40]", "[0,40]") + "}", 40);
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
                cut.setLength(cut.length() - 10);
            }
            assertThatThrownBy(() -> opened.read(opened.tensors().getFirst(), 0, 1, new float[40], 0)).isInstanceOf(MalformedFile.class).hasMessageContaining("ends here");
        }
    }

    @Test
    void anInterruptStopsItsOwnReaderOnly() throws Exception {
        Path file = file("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", 4);
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            float[] values = new float[4];
            Throwable[] seen = new Throwable[1];
            Thread reader = Thread.ofPlatform().start(() -> {
                Thread.currentThread().interrupt();
                try {
                    opened.read(opened.tensors().getFirst(), 0, 1, values, 0);
                } catch (RuntimeException e) {
                    seen[0] = e;
                }
            });
            reader.join();
            assertThat(seen[0]).isInstanceOf(Cancelled.class);
            opened.read(opened.tensors().getFirst(), 0, 1, values, 0);
            assertThat(values).containsExactly(0, 1, 2, 3);
        }
    }

    @Test
    void refusesToReadAfterClosing() throws IOException {
        SafetensorsFile opened = SafetensorsFile.open(file("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", 4));
        opened.close();
        assertThatThrownBy(() -> opened.read(opened.tensors().getFirst(), 0, 1, new float[4], 0)).isInstanceOf(FerryException.class).hasMessageContaining("closed");
    }

    @Test
    void opensAFileWithoutTensors() throws IOException {
        try (SafetensorsFile opened = SafetensorsFile.open(file("{}", 0))) {
            assertThat(opened.tensors()).isEqualTo(List.of());
        }
    }
}
