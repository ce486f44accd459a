package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class XxHash64Test {
    /** Published values of the reference implementation, seed 0. */
    @ParameterizedTest(name = "\"{0}\"")
    @CsvSource({"'',ef46db3751d8e999", "a,d24ec4f1a98c6e5b", "abc,44bc2cf5ad770999", "Nobody inspects the spammish repetition,fbcea83c8a378bf1"})
    void givesTheReferenceValues(String text, String hash) {
        assertThat(hash(text.getBytes(StandardCharsets.US_ASCII))).isEqualTo(hash);
    }

    @Test
    void doesNotDependOnHowTheBytesArrive() {
        Random random = new Random(7);
        byte[] bytes = new byte[5000];
        random.nextBytes(bytes);
        for (int length = 0; length < 200; length++) {
            XxHash64 pieces = new XxHash64();
            for (int at = 0; at < length; ) {
                int count = Math.min(length - at, random.nextInt(70));
                pieces.update(bytes, 100 + at, count);
                at += count;
            }
            assertThat(pieces.finish()).as("length %d", length).isEqualTo(hash(java.util.Arrays.copyOfRange(bytes, 100, 100 + length)));
        }
    }

    @Test
    void startsAnewAfterFinishing() {
        XxHash64 hash = new XxHash64();
        hash.update(new byte[100], 0, 100);
        hash.finish();
        hash.update(new byte[] {'a'}, 0, 1);
        assertThat(hash.finish()).isEqualTo("d24ec4f1a98c6e5b");
    }

    static String hash(byte[] bytes) {
        XxHash64 hash = new XxHash64();
        hash.update(bytes, 0, bytes.length);
        return hash.finish();
    }
}
