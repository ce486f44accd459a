package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector width is fixed when a process starts, so narrower machines, and one without vectors, are tried in others. */
class KernelWidthsIT {
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void twinsAgreeAtEveryWidth(int bits) throws Exception {
        assertThat(run(List.of("--add-modules=jdk.incubator.vector", "-Dadapterferry.vector.bits=" + bits)))
                .endsWith("agreed, " + Math.min(bits, Lanes.preferredBits()) + " bits");
    }

    @Test
    void theScalarKernelsServeWhereTheVectorModuleIsMissing() throws Exception {
        assertThat(run(List.of())).endsWith("agreed, no vectors");
    }

    private static String run(List<String> flags) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), Twins.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes()).strip();
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    /** Runs the comparisons of {@link KernelTwinsTest} in this process. */
    static final class Twins {
        private Twins() { }

        public static void main(String[] arguments) {
            KernelTwinsTest test = new KernelTwinsTest();
            for (GgmlType type : Kernels.types()) {
                test.encodesEveryKindOfWeightsAlike(type);
                test.encodesAwkwardShapesAlike(type);
                test.decodesAnyBytesAlike(type);
            }
            System.out.println("agreed, " + (Kernels.vector(GgmlType.Q4_K) instanceof ScalarKernel ? "no vectors" : Lanes.FLOATS.vectorBitSize() + " bits"));
        }
    }
}
