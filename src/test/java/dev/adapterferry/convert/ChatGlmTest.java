package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** GLM models that are published with code of their own: which are not converted, and what their tokenizers become. */
class ChatGlmTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "\"position_encoding_2d\":true                        | this is the first ChatGLM, which llama.cpp does not know",
        "\"quantization_bit\":4                               | its weights are quantized by its own code",
        "\"pre_seq_len\":128                                  | it was tuned with a prefix",
        "\"multi_query_attention\":false                      | this model has them head by head",
        "\"add_bias_linear\":true                             | no place for biases",
        "\"rmsnorm\":false                                    | this model mean and variance",
        "\"post_layer_norm\":false                            | llama.cpp norms what the last layer gives",
        "\"apply_residual_connection_post_layernorm\":true    | this model to the normed ones",
        "\"kv_channels\":32                                   | this model has others (kv_channels)",
        "\"_name_or_path\":\"THUDM/chatglm2-6b-32k\"          | positions are interpolated in ChatGLM2-6B-32K"})
    void refusesWhatLlamaCppWouldComputeOtherwise(String field, String expected) throws IOException {
        ObjectNode config = TinyModels.checkpoint("chatglm3", ElementType.BF16).config();
        ArchitectureCatalog.builtIn().check(config, "org/base");
        config.setAll((ObjectNode) new ObjectMapper().readTree("{" + field + "}"));
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/base")).isInstanceOf(FerryException.class).hasMessageContaining("Cannot convert org/base: ").hasMessageContaining(expected);
    }

    private GgufMetadata converted(boolean roles, String file, String text) throws IOException {
        ChatGlmTinyModels.writeChatGlm(folder, new SentencePieceTrainer(TinyTokenizers.CORPUS, 60), roles);
        Files.writeString(folder.resolve(file), text);
        return new ModelConverter().convert(TinyModels.checkpoint("chatglm3", folder, ElementType.BF16), Provenance.NONE).metadata();
    }

    @Test
    void theBasesTemplateSpeaksOfTheTokensAsTheFileDoes() throws IOException {
        GgufMetadata keys = converted(true, "chat_template.jinja", "[gMASK]sop{% for m in messages %}<|{{ m.role }}|>\n {{ m.content }}{% endfor %} people");
        assertThat(keys.findString("tokenizer.chat_template")).contains("[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n {{ m.content }}{% endfor %} people");
        assertThat(keys.findStrings("tokenizer.ggml.tokens").orElseThrow()).contains("<sop>", "<|observation|>").doesNotContain("sop", "eop");
    }

    @Test
    void chatGlm2HasNoTokensForSpeakers() throws IOException {
        GgufMetadata keys = converted(false, "beside.txt", "");
        List<String> tokens = keys.findStrings("tokenizer.ggml.tokens").orElseThrow();
        assertThat(tokens).contains("[gMASK]", "<eop>").noneMatch(token -> token.contains("user")).hasSize(TinyModels.ROWS);
        assertThat(keys.find("tokenizer.ggml.eot_token_id")).isEmpty();
        assertThat(keys.findLong("tokenizer.ggml.eos_token_id")).contains(2L);
        assertThat(keys.findString("tokenizer.chat_template").orElseThrow()).contains("[Round ");
    }

    @Test
    void withoutItsCodeTheTokenizerIsRefused() {
        Stream.of("import os\n", "").forEach(text -> assertThatThrownBy(() -> converted(true, "tokenization_chatglm.py", text)).isInstanceOf(FerryException.class)
                .hasMessageContaining("tokenization_chatglm.py, which names its special tokens, is missing or another model's; copy it from the base model"));
    }
}
