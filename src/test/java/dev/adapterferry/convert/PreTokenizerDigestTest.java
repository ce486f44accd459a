package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The definitions that the oracle tests use are those of the published files: their digests were taken from there. */
class PreTokenizerDigestTest {
    @ParameterizedTest
    @CsvSource({"llama-bpe, d98f9631be1e9607a9848c26c1f9eac1aa9fc21ac6ba82a2fc0741af9780a48f", "qwen2, 1ff7f41064896984db5d1bb6ff64fa4bc29007d08c1b439e505b7392777a319e",
            "deepseek-llm, 03df5c5863ad70781dcfdef491ead25140f895fe8010964be0daefe27be32b02", "deepseek-coder, 21cde974d587f0d54dc8d56b183cc1e6239600172035c68fbd6d4b9f8da0576e",
            "gpt-4o, 2d1b8dc11e89af71459b36004f698ab3693f59fd84f63e8ec2b49564ab857420", "tekken, 1d64a9a8eaf9f1bd80331984d81fdd514e7feafe8df83a525dd31472f275699a"})
    void isThePublishedOne(String pre, String digest) throws NoSuchAlgorithmException {
        byte[] expressions = String.join("", Definitions.splits(pre)).getBytes(StandardCharsets.UTF_8);
        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(expressions))).isEqualTo(digest);
    }
}
