package dev.adapterferry.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ObituaryTest {
    @Test
    void namesSignalAndLibraryOfACrashInNativeCode() {
        List<String> words = List.of("#", "# A fatal error has been detected by the Java Runtime Environment:", "#", "#  SIGSEGV (0xb) at pc=0x00007f2d3c1b2c3d, pid=4711, tid=4712", "#",
                "# JRE version: OpenJDK Runtime Environment Temurin-25 (25.0+36)", "# Problematic frame:", "# C  [libjllama.so+0x1b2c3d]  llm_build_context+0x4d", "#",
                "# An error report file with more information is saved as:", "# /tmp/crashes/server-crash-4711.log");
        assertThat(Obituary.cause(134, words)).isEqualTo("died of SIGSEGV in libjllama.so (llm_build_context+0x4d); the crash report is /tmp/crashes/server-crash-4711.log");
    }

    @Test
    void repeatsWhatGgmlSaidBeforeItAborted() {
        assertThat(Obituary.cause(134, List.of("/build/ggml.c:1234: GGML_ASSERT(ne == 1) failed"))).isEqualTo("died of SIGABRT, saying '/build/ggml.c:1234: GGML_ASSERT(ne == 1) failed'");
    }

    @Test
    void suspectsMemoryBehindAKill() {
        assertThat(Obituary.cause(137, List.of())).startsWith("died of SIGKILL").contains("when memory runs out");
    }

    @Test
    void givesTheLastLineOfAnOrdinaryEnd() {
        assertThat(Obituary.cause(1, List.of("one", "Error: could not find the main class"))).isEqualTo("died with exit code 1, saying 'Error: could not find the main class'");
    }
}
