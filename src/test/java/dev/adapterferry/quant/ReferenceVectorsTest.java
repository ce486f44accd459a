package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Bytes of llama.cpp's own library (August 2026, x86-64, compiled without fused multiply-add) for a formula that gives
 * 2 rows of 512 values: hashes made once with that library, so a newer rule than the embedded build's is held too.
 */
class ReferenceVectorsTest {
    private static final int ROWS = 2;
    private static final int COLUMNS = 512;

    static float[] input() {
        float[] x = new float[ROWS * COLUMNS];
        for (int r = 0; r < ROWS; r++) {
            for (int i = 0; i < COLUMNS; i++) {
                x[r * COLUMNS + i] = ((7 * i * i + 31 * i + 97 * r) % 257 - 128) * (1 + i % 5) / 1024f;
            }
        }
        java.util.Arrays.fill(x, COLUMNS + 256, COLUMNS + 288, 0);
        java.util.Arrays.fill(x, COLUMNS + 288, COLUMNS + 304, 0.25f);
        return x;
    }

    static float[] importance() {
        float[] q = new float[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            q[i] = (13 * i % 17 + 1) / 8f;
        }
        return q;
    }

    @Test
    void theInputIsTheOneThatWasHashed() throws Exception {
        assertThat(sha256(bytes(input()))).isEqualTo("75a94de33d136554304b9a21373fea21e2594c3f29d21504731fe329aa0fa461");
        assertThat(sha256(bytes(importance()))).isEqualTo("5f747c4912ec7aec2860b191d60f102a36976c9bcfe0d39e8dcaf7f86d4bf00f");
    }

    @ParameterizedTest(name = "{0} importance={1}")
    @CsvSource(textBlock = """
            F16, false, eb2c7e3a2b683d86ee90ff86beabc374c340434f0e7effc65cdd7380ab3916f5, 00b0a0b120af002f
            BF16, false, d974f87fe60e7b8ff3fae029bfc13905db630dc46335822ac960e27e676c56dd, 00be34bee4bde03d
            Q8_0, false, 0c46b130c46219de95621d5920f041d4a039f5d89c40b035bba652cf04788ca6, c41ce5dae81871f416cc2dc8170debb981182c45
            Q4_0, false, 0391f0cea37b4ccad8575d6efa281381fa7883c4a1c0744ecacc1efa16e958b9, ba2cb6c6f6297f87b9459b648949b76470b9
            Q4_0, true, ed6c9ece77d50c1539a50c56bab519ddef4bd2b0b5340ecb9c119045937d5717, 412da6c6e7297e87b9459b758949b77471b9
            Q4_1, false, fe96e6e963d9d0179aedb0658d1a9fd9e1894195d8dcc916863ae7ed8a792712, c52cbab8b6c6f6297f87b9459b648949b76470b9
            Q4_1, true, 16ec0e5fd46159a0cad7315a6fcdbe5f2bae9f5c8a95ff550022c5d34b5fbe30, d92c87b8a6c5e6197e87b9349a648948b66360a9
            Q5_0, false, 9ae21a37cebb89c459adeb551bd0a49b4394fbb53ee9800d90dc0f1dfe617149, ba28588d67956d9bed33fe1f737936d913826dd7
            Q5_0, true, 8dcedc8b58787a38bf028318610a823e006cef81e50437eaca72b07db128df03, a128588d67956d9bed33ff1f737936d913826dd7
            Q5_1, false, acd8c9106001a95bc55f041a269b3f57b562861c5e60926d0923195aaf416541, 9e28bab8588d67956d9ced33ff1f738a36d91382
            Q5_1, true, 3e76e736ce04d3ad38c110cbb129caed8fb658fd6d75a08c55662302e845ceb5, 9c28a7b8588d67956d9bed33ff1f737936d91382
            Q2_K, false, ec16214c9ec1b8f40a0cbeeb464960770db16bc9947cb6f77005b351bf76d7ee, ef9ced4afffbbddcedabb977abad9dee99e969da
            Q2_K, true, c069178891cea13c98d801f033fe743646eeadb3602f112df34f65339eb1d612, ee9ccb3affebad78ddacb967598c8cfe5da969da
            Q3_K, false, 77c642a7f021a97fb19275f9c22ecaa142d730f6bafd0ced9bb4cf3e27f3ad13, 3af6de03db7be7fccf5661c7b4d6e007e6266ac5
            Q3_K, true, e83ae482166a11d3937a61af8da5b7d8719b8c490f917f865c35331081145edf, 3af6de03db7be7fccf5661c7b4d6e007e6266ac5
            Q4_K, false, 3589140c1e46d7cb94560b7766dcd4636b1e47c77a8cc764bbd161617db4a7d9, 0915f820fcbbfafbf9f7fff6e73b199fa6959689
            Q4_K, true, 5663302013c5c19dd5bbc7c07ddb59355cab0749ce4ff1cd4e7de15d173ea5f5, 1a15fc20fdbbf9f6faf8fff3f63b189ea6959689
            Q5_K, false, cd9b7835ab4075e6c51d6be2ed6044886f30a767935ab7e1ab07f794990d83ec, f2101221fcbcfaf7fbf9fff7c62c08afba7e168b
            Q5_K, true, 1057c90bea83c4cf261930aec895da78db70735ff7d26e43cf41c3a1e074e1f9, fc101321fbbbfbf7fbf9fff7c51b08afba7e168b
            Q6_K, false, 8e6b66c8e9447c3f2d134990995f33cefa39801b4591a036d7fc3e431cda4cc2, 29563aa6ed0d5693fb7256d30bbed01663fce18d
            Q6_K, true, a399977cda717dcfd919606c5b75bc540a748df15fe9c4290cd206036600e869, 29563aa6ed0d5693fb7256d30bbed01663fce18d
            IQ4_NL, false, df3cae0038468a63f6c3e73728b5e7cd426974ca6329706e319d39b50a4ae8a3, b91cb6d5f61a7f87ca34ac648a39c66360ba
            IQ4_NL, true, 374395aef262f9ddd91043db552141fd11ee03b2a9208f18b5754c9dce665618, c51cb6d5f61a7f87ca34ab648a39c66360ba
            IQ4_XS, false, ca09f5e82f61e4b654c08961526e0615dfb5eed77cc4dbb668e1aeef5d71fb50, 158900f0224092fdb6d5f61a7f87ca34ab648a39
            IQ4_XS, true, d6e2136ccafc9db7e96e7a216c375c158ff5d10fd6682b0964eaf704353b29fb, 128900302240922fb6d5f61a7f87ca34ab648a39
            MXFP4, false, 2fd477943f5a1bd0998968ca3d36acb5a363fccf5a59797312fc7e55cd5ff774, 7c3a5b6ae2960942dc23ac02c14aad9e32
            """)
    void allKernelsGiveTheBytesOfLlamaCpp(GgmlType type, boolean weighted, String sha256, String start) throws Exception {
        for (RowKernel kernel : new RowKernel[] {Kernels.scalar(type), Kernels.vector(type), Kernels.forType(type)}) {
            byte[] out = new byte[Math.toIntExact(type.bytesFor(ROWS * COLUMNS))];
            kernel.encode(input(), 0, ROWS, COLUMNS, weighted ? importance() : null, 0, out, 0);
            assertThat(HexFormat.of().formatHex(out, 0, start.length() / 2)).as(kernel.getClass().getSimpleName()).isEqualTo(start);
            assertThat(sha256(out)).as(kernel.getClass().getSimpleName()).isEqualTo(sha256);
        }
    }

    private static byte[] bytes(float[] x) {
        ByteBuffer out = ByteBuffer.allocate(4 * x.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : x) {
            out.putFloat(v);
        }
        return out.array();
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
