package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.expected;
import static dev.adapterferry.pass.PassFixture.journalled;
import static dev.adapterferry.pass.PassFixture.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.quant.GgmlType;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Passes in processes of their own that are killed without warning, again and again, at different rows. */
class KilledPassIT {
    private static final GgmlType[] TYPES = {GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q8_0};
    private static final String READY = "at the row";

    @TempDir
    Path temp;

    /** The process to be killed: writes until a row, says so, and hangs. */
    public static final class Child {
        /** @param arguments output folder, journal folder, row to hang at */
        public static void main(String[] arguments) {
            Path journal = Path.of(arguments[1]).resolve("m-Q4_K.gguf.journal");
            long stop = Long.parseLong(arguments[2]);
            long before = PassFixture.journalledBlocks(journal);
            GeneratedSource source = GeneratedSource.model(1).beforeRead(rows -> {
                // Waits for a checkpoint beyond the one it began with, so that every life gets further.
                while (rows >= stop && PassFixture.journalledBlocks(journal) == before) {
                    Thread.onSpinWait();
                }
                if (rows >= stop) {
                    System.out.println(READY);
                    hang();
                }
            });
            PassFixture.run(journalled(2, Path.of(arguments[1])), request(source, Path.of(arguments[0]), TYPES));
        }

        private static void hang() {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void aPassKilledAgainAndAgainEndsWithTheSameBytes() throws Exception {
        Path folder = temp.resolve("out");
        Path journals = temp.resolve("journals");
        long blocks = 0;
        for (int row : new int[] {150, 160, 120}) {
            kill(folder, journals, row);
            assertThat(PassFixture.journalledBlocks(journals.resolve("m-Q4_K.gguf.journal"))).as("blocks done after another life").isGreaterThan(blocks);
            blocks = PassFixture.journalledBlocks(journals.resolve("m-Q4_K.gguf.journal"));
            assertThat(folder.resolve("m-Q4_K.gguf")).as("no final name before the end").doesNotExist();
        }
        GeneratedSource source = GeneratedSource.model(1);
        PassRequest request = request(source, folder, TYPES);
        PassResult result = PassFixture.run(journalled(2, journals), request);
        assertThat(result.resumedBytes()).as("what the journal held").isPositive()
                .isEqualTo(Journalled.bytes(blocks, request.outputs().stream().map(PassOutput::file).toList(), PassFixture.BLOCK_WEIGHTS));
        assertThat(source.rowsRead.get()).as("rows that were journalled are not read again").isEqualTo(source.rows() - PassFixture.rowsIn(blocks, source));
        for (PassOutput output : request.outputs()) {
            assertThat(Files.readAllBytes(output.file())).as(output.format()).isEqualTo(expected(GeneratedSource.model(1), output, Optional.empty()));
        }
        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("m-Q4_K.gguf", "m-Q5_K.gguf", "m-Q8_0.gguf", "m.manifest.json");
    }

    private static void kill(Path folder, Path journals, int row) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules=jdk.incubator.vector",
                "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Child.class.getName(), folder.toString(), journals.toString(), Integer.toString(row)));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader out = process.inputReader()) {
            String line = out.readLine();
            while (line != null && !line.equals(READY)) {
                line = out.readLine();
            }
            assertThat(line).as("the child got to row %d", row).isEqualTo(READY);
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(process.exitValue()).as("killed by signal 9").isEqualTo(128 + 9);
    }
}
