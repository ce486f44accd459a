package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** The memory that is forecast for a conversation is the one that llama.cpp allocates. */
class KeyValueCacheIT {
    private static final double MIB = 1 << 20;

    private static final Pattern BUFFER = Pattern.compile("KV buffer size = +([0-9.]+) MiB");

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"bert", "t5", "t5-1.1", "t5encoder",
            "rwkv7", "rwkv6qwen2", "cohere2moe", "minimax-01",
            "mistral-nemo", "gemma2", "gemma3", "gemma3n", "gemma4", "gpt-oss", "cohere2", "llama4", "phi3", "olmo3", "exaone4-32b", "lfm2", "qwen3next-mtp", "deepseek2", "glm4moe-mtp", "glm4-9b", "granite4-h", "falcon-h1",
            "afmoe", "exaone-moe-mtp", "llada-moe", "rnd1", "smallthinker-21b", "mellum", "laguna",
            "jamba", "mamba", "mamba2", "nemotron_h", "plamo2", "plamo3",
            "step35", "mimo2", "kimi-linear", "deepseek32", "glm-dsa",
            "deci", "dream", "nanbeige"})
    void isWhatLlamaCppAllocates(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Path file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F16);
        ModelOutline outline = new ModelConverter().outline(checkpoint);
        for (int tokens : new int[] {500, 16384}) {
            // It tells its buffers in hundredths of MiB, at most four of them.
            assertThat(outline.cacheBytes(tokens) / MIB).as("%s, %d tokens", name, tokens).isCloseTo(CurrentLlama.cache(file, tokens), Offset.offset(0.021));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"modern-bert", "gemma-embedding"})
    void isNoneWhereAllTokensGoThroughAtOnce(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Path file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F16);
        assertThat(new ModelConverter().outline(checkpoint).cacheBytes(500)).isZero();
        assertThat(CurrentLlama.cache(file, 500)).isZero();
    }

    /** The embedded build gives layers with windows room for all tokens. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3", "cohere2", "phi3", "mistral-nemo"})
    void isWhatTheEmbeddedLlamaCppAllocates(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Path file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + "-embedded.gguf"), GgmlType.F16);
        ModelOutline outline = new ModelConverter().outline(checkpoint);
        for (int tokens : new int[] {500, 16384}) {
            assertThat(outline.embeddedCacheBytes(tokens) / MIB).as("%s, %d tokens", name, tokens).isCloseTo(embedded(file, tokens), Offset.offset(0.021));
        }
        boolean windows = name.startsWith("gemma") || name.startsWith("cohere");
        assertThat(outline.embeddedCacheBytes(16384) > outline.cacheBytes(16384)).isEqualTo(windows);
    }

    /** MiB of keys and values, as the embedded library tells it while it makes a context. */
    private static double embedded(Path file, int tokens) {
        Logger log = (Logger) LoggerFactory.getLogger("dev.adapterferry.llamacpp.native");
        Level before = log.getLevel();
        ListAppender<ILoggingEvent> told = new ListAppender<>();
        told.start();
        log.setAdditive(false);
        log.setLevel(Level.TRACE);
        log.addAppender(told);
        try (LoadedModel model = LoadedModel.open(file); LlamaContext _ = new LlamaContext(model, tokens, 1)) {
            return told.list.stream().map(ILoggingEvent::getFormattedMessage).map(BUFFER::matcher).filter(Matcher::find).mapToDouble(match -> Double.parseDouble(match.group(1))).sum();
        } finally {
            log.detachAppender(told);
            log.setLevel(before);
            log.setAdditive(true);
        }
    }
}
