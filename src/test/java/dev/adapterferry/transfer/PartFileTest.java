package dev.adapterferry.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartFileTest {
    private static final long SIZE = 3L * PartFile.BLOCK + 100;

    @TempDir
    Path dir;
    private Path part;
    private final byte[] content = new byte[(int) SIZE];

    @BeforeEach
    void writeBlocksZeroAndThree() {
        part = dir.resolve("x.part");
        new Random(1).nextBytes(content);
        try (PartFile file = PartFile.open(part, SIZE, "v1")) {
            put(file, 0);
            put(file, 3);
        }
    }

    private void put(PartFile file, int block) {
        int from = block * PartFile.BLOCK;
        int length = (int) file.blockLength(block);
        file.write(from, ByteBuffer.wrap(content, from, length));
        CRC32C crc = new CRC32C();
        crc.update(content, from, length);
        file.complete(block, crc);
    }

    private BitSet found(long size, String version) {
        try (PartFile file = PartFile.open(part, size, version)) {
            return file.complete();
        }
    }

    @Test
    void remembersCompleteBlocks() {
        try (PartFile file = PartFile.open(part, SIZE, "v1")) {
            assertThat(file.complete()).isEqualTo(BitSet.valueOf(new long[] {0b1001}));
            assertThat(file.kept()).isEqualTo(PartFile.BLOCK + 100);
        }
    }

    @Test
    void forgetsEverythingOfAnotherVersionOrSize() throws Exception {
        assertThat(found(SIZE, "v2")).isEqualTo(new BitSet());
        assertThat(part).as("no byte of the old version stays").isEmptyFile();
        writeBlocksZeroAndThree();
        assertThat(found(SIZE + 1, "v1")).isEqualTo(new BitSet());
    }

    @Test
    void doesNotBelieveABlockThatChangedOnDisk() throws Exception {
        try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 5000);
        }
        assertThat(found(SIZE, "v1")).isEqualTo(BitSet.valueOf(new long[] {0b1000}));
    }

    @Test
    void doesNotBelieveABlockBehindTheEndOfTheFile() throws Exception {
        try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.truncate(PartFile.BLOCK);
        }
        assertThat(found(SIZE, "v1")).isEqualTo(BitSet.valueOf(new long[] {0b0001}));
    }

    @Test
    void passesOverATornOrForeignJournalLine() throws Exception {
        Path journal = PartFile.journalOf(part);
        Files.writeString(journal, Files.readString(journal) + "7 12345678\n-1 12345678\n\u0000\u0000garbage\n2 1234", StandardCharsets.ISO_8859_1);
        assertThat(found(SIZE, "v1")).isEqualTo(BitSet.valueOf(new long[] {0b1001}));
        try (PartFile file = PartFile.open(part, SIZE, "v1")) {
            put(file, 1);
        }
        assertThat(found(SIZE, "v1")).as("a line after the torn one counts").isEqualTo(BitSet.valueOf(new long[] {0b1011}));
    }

    @Test
    void startsOverWithoutAJournal() throws Exception {
        Files.delete(PartFile.journalOf(part));
        assertThat(found(SIZE, "v1")).isEqualTo(new BitSet());
    }

    @Test
    void givesTheNameAndDropsTheJournal() throws Exception {
        PartFile.finish(part, dir.resolve("x"));
        try (var names = Files.list(dir)) {
            assertThat(names).containsExactly(dir.resolve("x"));
        }
    }
}
