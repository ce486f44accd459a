package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hunyuan's files name the end of a text and that of a turn in places of their own. */
class HunyuanEndsTest {
    @TempDir
    Path folder;

    @Test
    void theEndOfATextAndThatOfATurnAreWritten() throws IOException {
        Path generation = Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":[20,21]}");
        GgufMetadata keys = write(TinyModels.checkpoint("hunyuan-dense", ElementType.BF16).config().put("eod_token_id", 21), Optional.of(generation));
        assertThat(keys.findLong("tokenizer.ggml.eos_token_id")).contains(21L);
        assertThat(keys.findLong("tokenizer.ggml.eot_token_id")).contains(20L);
    }

    @Test
    void whatTheFilesDoNotNameStaysAsItIs() throws IOException {
        Path generation = Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":20}");
        ObjectNode config = TinyModels.checkpoint("hunyuan-dense", ElementType.BF16).config();
        GgufMetadata usual = write(config, Optional.empty());
        GgufMetadata keys = write(config.put("eod_token_id", 1 << 20), Optional.of(generation));
        assertThat(keys.findLong("tokenizer.ggml.eos_token_id")).isPresent().isEqualTo(usual.findLong("tokenizer.ggml.eos_token_id"));
        assertThat(keys.find("tokenizer.ggml.eot_token_id")).isEmpty();
    }

    private static GgufMetadata write(ObjectNode config, Optional<Path> generation) {
        MemoryCheckpoint tiny = TinyModels.checkpoint("hunyuan-dense", ElementType.BF16);
        GgufMetadata into = new GgufMetadata();
        new TokenizerConverter("org/model", name -> name.equals("generation_config.json") ? generation : tiny.file(name), config).write("hunyuan-dense", TinyModels.ROWS, into);
        return into;
    }
}
