package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * RWKV's World vocabulary: GGUF model {@code rwkv}, a text is cut by the longest token that fits, byte by byte. Each line of its file has an id, the token as
 * Python writes it, and its length in bytes; tokens may end within a character. Id 0 stands in no line: it begins and ends texts.
 */
final class RwkvVocabulary {
    /** The file beside the weights. */
    static final String FILE = "rwkv_vocab_v20230424.txt";
    /** The conversation that World models are trained on, for those that bring no template; the remark at its begin lets llama.cpp know it without reading it. */
    static final String CHAT = "{#- rwkv-world -#}\n{%- for message in messages -%}\n{%- if message['role'] == 'user' -%}\n{{- 'User: ' + message['content']|trim + '\\n\\n' -}}\n"
            + "{%- elif message['role'] == 'system' -%}\n{{- 'System: ' + message['content']|trim + '\\n\\n' -}}\n{%- else -%}\n{{- 'Assistant: ' + message['content']|trim + '\\n\\n' -}}\n{%- endif -%}\n"
            + "{%- endfor -%}\n{%- if add_generation_prompt -%}\n{{- 'Assistant:' -}}\n{%- endif -%}\n";
    private static final String TURN = "\\n\\n";

    private final Vocabulary vocabulary;

    private RwkvVocabulary(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    /**
     * Reads the file.
     *
     * @param model           name of the checkpoint, for messages
     * @param tokenizerConfig says how id 0 is spelt, where it does
     * @param rows            rows of the embedding
     * @throws FerryException when a line cannot be read; names it
     */
    static RwkvVocabulary read(String model, Path file, Optional<ObjectNode> tokenizerConfig, int rows) {
        Vocabulary vocabulary = new Vocabulary(model, rows);
        vocabulary.set(0, tokenizerConfig.flatMap(RwkvVocabulary::begin).orElse("<s>"), 0, TokenType.CONTROL);
        String[] lines = TextFile.read(file).split("\r?\n");
        for (int i = 0; i < lines.length; i++) {
            int first = lines[i].indexOf(' ');
            int last = lines[i].lastIndexOf(' ');
            try {
                int id = Integer.parseInt(lines[i].substring(0, first));
                byte[] token = PythonLiteral.bytes(lines[i].substring(first + 1, last));
                if (token.length == 0 || token.length != Integer.parseInt(lines[i].substring(last + 1)) || id < 1) {
                    throw new IllegalArgumentException("the token has " + token.length + " bytes");
                }
                String text = PythonLiteral.escaped(token);
                if (!vocabulary.isFree(vocabulary.checked(text, id))) {
                    throw new IllegalArgumentException("id " + id + " stands there twice");
                }
                vocabulary.set(id, text, 0, TokenType.NORMAL);
            } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
                throw new FerryException("Cannot convert the tokenizer of " + model + ": line " + (i + 1) + " of " + file.getFileName() + " is '" + lines[i]
                        + "', where an id, a token in quotes and its length in bytes are expected (" + e.getMessage() + "). Take the file from the base model again.", e);
            }
        }
        return new RwkvVocabulary(vocabulary);
    }

    /** What Hugging Face's tokenizers of these models call id 0. */
    private static Optional<String> begin(ObjectNode config) {
        return Stream.of(config.at("/added_tokens_decoder/0/content"), config.path("bos_token"), config.at("/bos_token/content")).filter(JsonNode::isTextual).map(JsonNode::asText).filter(text -> !text.isEmpty()).findFirst();
    }

    /** Writes the tokens; two line ends in a row end a turn. */
    void write(GgufMetadata into) {
        into.putString("tokenizer.ggml.model", "rwkv");
        vocabulary.write(into, false);
        into.putUint32("tokenizer.ggml.bos_token_id", 0).putUint32("tokenizer.ggml.eos_token_id", 0);
        vocabulary.find(TURN).ifPresent(id -> into.putUint32("tokenizer.ggml.eot_token_id", id));
    }
}
