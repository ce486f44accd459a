package dev.adapterferry.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
    private static final float[] SIX = {1, 2, 3, 4, 5, 6};

    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("adapter_model.bin");
    }

    private void refuses(Path file, String... words) {
        assertThatThrownBy(() -> TorchFile.open(file).close()).isInstanceOf(MalformedFile.class).satisfies(e -> assertThat(e.getMessage()).contains(file.toString()).contains(words));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readsTensorsAsTheyWereSaved(boolean ordered) throws IOException {
        float[] large = new float[300 * 1000];
        for (int i = 0; i < large.length; i++) {
            large[i] = i % 977;
        }
        TorchSave save = new TorchSave(ordered).tensor("b", ElementType.F32, SIX, 2, 3).tensor("a", ElementType.BF16, new float[] {0.5f, -2}, 2).tensor("scalar", ElementType.F16, new float[] {7})
                .tensor("large", ElementType.F16, large, 300, 1000);
        for (int i = 0; i < 60; i++) {
            save.tensor("more" + i, ElementType.F32, new float[] {i}, 1, 1, 1, 1);
        }
        try (TorchFile opened = TorchFile.open(save.write(file()))) {
            assertThat(opened.tensors()).extracting(TensorInfo::name).startsWith("b", "a", "scalar", "large", "more0").hasSize(64);
            TensorInfo b = opened.find("b").orElseThrow();
            assertThat(b).isEqualTo(new TensorInfo("b", ElementType.F32, java.util.List.of(2L, 3L)));
            float[] row = new float[4];
            opened.read(b, 1, 1, row, 1);
            assertThat(row).containsExactly(0, 4, 5, 6);
            opened.read(opened.find("a").orElseThrow(), 0, 1, row, 0);
            assertThat(row).startsWith(0.5f, -2);
            float[] rows = new float[290 * 1000];
            opened.read(opened.find("large").orElseThrow(), 10, 290, rows, 0);
            assertThat(rows).isEqualTo(Arrays.copyOfRange(large, 10_000, large.length));
            assertThat(opened.files()).containsExactly(file());
        }
    }

    @Test
    void readsTensorsThatShareAStorage() throws IOException {
        Path file = new TorchSave(true).tensor("whole", ElementType.F32, SIX, 2, 3).tensor("second", "FloatStorage", 0, 6, 3, new int[] {1, 3}, new int[] {99, 1}).write(file());
        try (TorchFile opened = TorchFile.open(file)) {
            float[] row = new float[3];
            opened.read(opened.find("second").orElseThrow(), 0, 1, row, 0);
            assertThat(row).containsExactly(4, 5, 6);
        }
    }

    @ParameterizedTest
    @CsvSource({"os,system", "builtins,eval", "torch,load", "torch._utils,_rebuild_device_tensor_from_numpy", "__builtin__,exec", "collections,deque"})
    void neverRunsWhatIsNoTensor(String module, String name) throws IOException {
        Path file = new TorchSave(false).global(module, name).bytes('X', 2, 0, 0, 0, 'l', 's', 0x85, 'R', '.').writeAsItIs(file());
        refuses(file, module + "." + name, "is not run");
    }

    @Test
    void refusesNamesThatAreMadeOnTheStack() throws IOException {
        refuses(new TorchSave(false).bytes(0x8C, 2, 'o', 's', 0x8C, 6, 's', 'y', 's', 't', 'e', 'm', 0x93, '.').writeAsItIs(file()), "os.system");
    }

    @ParameterizedTest
    @ValueSource(ints = {'i', 'o', 0x81, 0x92, 'P', 0x82, 'S', 0xFF, 'B'})
    void refusesInstructionsThatNoAdapterNeeds(int code) throws IOException {
        refuses(new TorchSave(false).bytes(code, 0, 0, 0, 0, '.').writeAsItIs(file()), "instruction 0x%02x".formatted(code));
    }

    @Test
    void refusesTensorsThatDoNotFitTheirStorage() throws IOException {
        refuses(new TorchSave(true).tensor("x", ElementType.F32, SIX, 2, 3).tensor("y", "FloatStorage", 0, 6, 4, new int[] {1, 3}, new int[] {3, 1}).write(file()), "'y'", "needs 7 elements");
        refuses(new TorchSave(true).tensor("x", ElementType.F32, SIX, 2, 3).tensor("y", "HalfStorage", 0, 6, 0, new int[] {6}, new int[] {1}).write(file()), "'y'", "24 bytes");
        refuses(new TorchSave(true).tensor("y", "FloatStorage", 5, 6, 0, new int[] {6}, new int[] {1}).write(file()), "'y'", "data/5", "missing");
        refuses(new TorchSave(true).tensor("y", "FloatStorage", 0, 6, 0, new int[] {65535, 65535, 65535, 65535, 65535}, new int[] {1, 1, 1, 1, 1}).entry("data/0", new byte[24], ZipEntry.STORED)
                .write(file()), "impossible shape");
        refuses(new TorchSave(true).tensor("y", "FloatStorage", 0, 6, 0, new int[] {3, 2}, new int[] {1, 3}).entry("data/0", new byte[24], ZipEntry.STORED).write(file()), "row after row");
        refuses(new TorchSave(true).tensor("y", "FloatStorage", 0, 6, 0, new int[] {6}, new int[] {1}).entry("data/0", new byte[24], ZipEntry.DEFLATED).write(file()), "'y'");
        refuses(new TorchSave(true).tensor("y", "QInt8Storage", 0, 6, 0, new int[] {6}, new int[] {1}).write(file()), "torch.QInt8Storage");
    }

    @Test
    void refusesWhatIsNoArchive() throws IOException {
        refuses(Files.write(file(), new byte[] {(byte) 0x80, 2, (byte) 0x8a, 10}), "before 1.6");
        refuses(Files.write(file(), new byte[0]), "damaged");
        refuses(Files.writeString(file(), "PK and nothing more"), "no archive of torch.save");
        refuses(new TorchSave(false).bytes('K').writeAsItIs(file()), "ends in the middle");
        refuses(new TorchSave(false).bytes('u', '.').tensor("x", ElementType.F32, SIX, 6).entry("other/data.pkl", new byte[0], ZipEntry.STORED).writeAsItIs(file()), "2 entries data.pkl");
        refuses(new TorchSave(false).bytes('K', 3, 'K', 4, 'u', '.').writeAsItIs(file()), "texts as keys");
        refuses(new TorchSave(false).bytes('X', 1, 0, 0, 0, 'a', 'K', 4, 'u', '.').writeAsItIs(file()), "'a'");
    }

    @Test
    void survivesWhateverThePickleHolds() throws IOException {
        byte[] sound = Files.readAllBytes(new TorchSave(true).tensor("x", ElementType.F32, SIX, 2, 3).tensor("y", ElementType.BF16, SIX, 3, 2).write(file()));
        Random random = new Random(3);
        String text = new String(sound, StandardCharsets.ISO_8859_1);
        int from = text.indexOf("collections");
        for (int i = 0; i < 2000; i++) {
            byte[] mutated = sound.clone();
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                mutated[random.nextInt(4) == 0 ? random.nextInt(sound.length) : from + random.nextInt(260)] = (byte) random.nextInt(256);
            }
            Files.write(file(), mutated);
            try (TorchFile opened = TorchFile.open(file())) {
                for (TensorInfo tensor : opened.tensors()) {
                    opened.read(tensor, 0, (int) tensor.rows(), new float[(int) tensor.elements()], 0);
                }
            } catch (FerryException e) {
                assertThat(e.getMessage()).contains("Cannot read");
            }
        }
    }
}
