package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What stands in the Python code of ChatGLM2's and ChatGLM3's tokenizer alone: special tokens that follow the pieces of tokenizer.model, and how a conversation is written. The code is
 * read as a text, nothing in it is run.
 *
 * <p>Two of these tokens are called {@code sop} and {@code eop}, which llama.cpp would find in the middle of words ("people"); the file calls them {@code <sop>} and {@code <eop>}, as GLM-4
 * does, and so does the chat template.
 *
 * @param roles whether speakers have tokens of their own, as in ChatGLM3
 * @see <a href="https://huggingface.co/THUDM/chatglm3-6b/blob/main/tokenization_chatglm.py">tokenization_chatglm.py</a>
 */
record ChatGlmTokens(boolean roles) {
    private static final String FILE = "tokenization_chatglm.py";
    private static final String USER = "<|user|>";
    private static final List<String> MASKS = List.of("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>");
    private static final List<String> SPEAKERS = List.of("<|system|>", USER, "<|assistant|>", "<|observation|>");
    private static final Pattern SOP = Pattern.compile("(?<![\\w<])([se]op)(?![\\w>])");
    /** {@code build_chat_input} of ChatGLM3 and {@code build_prompt} of ChatGLM2. */
    private static final String BY_ROLES = "[gMASK]<sop>{% for message in messages %}<|{{ message['role'] }}|>\n {{ message['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
    private static final String BY_ROUNDS = "[gMASK]<sop>{% set ns = namespace(round=0) %}{% for message in messages %}{% if message['role'] == 'user' %}{% set ns.round = ns.round + 1 %}"
            + "[Round {{ ns.round }}]\n\n\u95EE\uFF1A{{ message['content'] }}\n\n\u7B54\uFF1A{% else %}{{ message['content'] }}\n\n{% endif %}{% endfor %}";

    /**
     * Reads the code.
     *
     * @param model name of the checkpoint, for messages
     * @param files gives the files beside the checkpoint by name
     * @throws FerryException when it is missing or of another tokenizer
     */
    static ChatGlmTokens read(String model, Function<String, Optional<Path>> files) {
        String code = files.apply(FILE).map(TextFile::read).filter(text -> text.contains("\"[sMASK]\""))
                .orElseThrow(() -> new FerryException("Cannot convert the tokenizer of " + model + ": " + FILE + ", which names its special tokens, is missing or another model's; copy it from the base model."));
        return new ChatGlmTokens(code.contains(SPEAKERS.getLast()));
    }

    /** Puts the tokens behind the pieces, and sets the ids by which an answer ends. */
    void add(Vocabulary vocabulary, int pieces, SpecialTokens special) {
        int id = pieces;
        for (String text : roles ? Stream.concat(MASKS.stream(), SPEAKERS.stream()).toList() : MASKS) {
            vocabulary.set(vocabulary.checked(text, id++), text, 0, TokenType.CONTROL);
        }
        vocabulary.find("</s>").ifPresent(end -> special.setIfAbsent("eos", end));
        if (roles) {
            special.setIfAbsent("eot", pieces + MASKS.size() + SPEAKERS.indexOf(USER));
            special.setIfAbsent("eom", id - 1);
        }
    }

    /** Templates with the tokens' names of the file; the code's own way to write a conversation where there is none. */
    Map<String, String> templates(Map<String, String> found) {
        Map<String, String> renamed = new TreeMap<>(Map.of("default", roles ? BY_ROLES : BY_ROUNDS));
        found.forEach((name, template) -> renamed.put(name, SOP.matcher(template).replaceAll("<$1>")));
        return renamed;
    }
}
