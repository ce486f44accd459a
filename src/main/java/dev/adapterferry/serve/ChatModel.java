package dev.adapterferry.serve;

import dev.adapterferry.chat.ChatTemplate;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.llamacpp.Vocabulary;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * A loaded model that can be talked to: writes the conversation with the file's own chat template and lets llama.cpp go on.
 * One answer at a time, further callers wait; close it when done.
 */
public final class ChatModel implements Engine {
    private final GeneratingModel model;
    private final Optional<ChatTemplate> template;
    private final String bos;
    private final String eos;

    /**
     * One turn of a conversation.
     *
     * @param role    {@code system}, {@code user}, {@code assistant}, or what the template knows
     * @param content its text
     */
    public record Message(String role, String content) {
        /** What a person says. */
        public static Message user(String content) {
            return new Message("user", content);
        }

        /** How the model is to behave. */
        public static Message system(String content) {
            return new Message("system", content);
        }
    }

    /**
     * Loads a file.
     *
     * @param file          GGUF file
     * @param contextLength tokens of prompt and answer; 0 for what is usual
     * @param threads       CPU threads; 0 for as many as are useful
     * @param gpuLayers     layers to put on the GPU where the library has one
     * @throws FerryException when llama.cpp refuses the file, or its chat template cannot be read
     */
    public ChatModel(Path file, int contextLength, int threads, int gpuLayers) {
        model = new GeneratingModel(file, contextLength, threads, gpuLayers);
        try {
            Vocabulary vocabulary = model.model().vocabulary();
            template = model.model().chatTemplate().map(ChatTemplate::new);
            bos = text(vocabulary, vocabulary.bos());
            eos = text(vocabulary, vocabulary.eos());
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    private static String text(Vocabulary vocabulary, OptionalInt token) {
        return token.isPresent() ? vocabulary.text(token.getAsInt()) : "";
    }

    /** Whether the file carries a chat template; without one only {@link #complete} works. */
    public boolean hasTemplate() {
        return template.isPresent();
    }

    /** Tokens of prompt and answer that fit. */
    @Override
    public int contextLength() {
        return model.contextLength();
    }

    /**
     * What the model sees of a conversation, the invitation to answer at its end.
     *
     * @throws FerryException when the file carries no template, or the template refuses the conversation
     */
    public String prompt(List<Message> messages) {
        ChatTemplate own = template.orElseThrow(() -> new FerryException("Model " + model.model().file().getFileName()
                + " carries no chat template, so it cannot be talked to. Use /v1/completions, or convert it again with its tokenizer_config.json."));
        List<Map<String, String>> turns = new ArrayList<>();
        messages.forEach(message -> turns.add(Map.of("role", message.role(), "content", message.content())));
        return own.render(turns, bos, eos);
    }

    /**
     * Answers a conversation. Errors as in {@link GeneratingModel#complete} and {@link #prompt}.
     *
     * @param messages     oldest first
     * @param sampling     how to choose tokens and when to stop
     * @param cancellation checked before every token
     * @param listener     hears the answer piece by piece
     */
    public Generation chat(List<Message> messages, Sampling sampling, Cancellation cancellation, Consumer<String> listener) {
        return model.complete(prompt(messages), sampling, cancellation, listener);
    }

    /** Goes on with a text as it is. Errors as in {@link GeneratingModel#complete}. */
    public Generation complete(String prompt, Sampling sampling, Cancellation cancellation, Consumer<String> listener) {
        return model.complete(prompt, sampling, cancellation, listener);
    }

    /** Goes on with a text by one token. */
    @Override
    public void warmUp() {
        complete("Hello", Sampling.greedy(1), new Cancellation(), piece -> { });
    }

    @Override
    public void close() {
        model.close();
    }
}
