package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.convert.transform.RowGather;
import dev.adapterferry.convert.transform.StoredTensor;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.TensorInfo;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A language model that judges pairs of texts by whether it would answer yes or no, as Qwen3-Reranker does: of its head the file keeps these two rows, and
 * llama.cpp gives the softmax over them ({@code pooling_type} 4). Nothing in config.json tells such a model from one that answers: it is recognised by its
 * name, as llama.cpp's converter does, or by what sentence-transformers writes beside it ({@code LogitScore}).
 */
final class YesOrNo {
    /** What the rows stand for, in this order. */
    static final List<String> LABELS = List.of("yes", "no");
    private static final String ARCHITECTURE = "qwen3";
    private static final String NAME = "qwen3-reranker";
    private static final String HEAD = "cls.output.weight";
    private static final String PROMPT_NAME = "rerank";
    /** As the model was trained; llama-server puts query and document in. */
    private static final String PROMPT = "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be \"yes\" or \"no\"."
            + "<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n"
            + "<|im_start|>assistant\n<think>\n\n</think>\n\n";

    private final TensorView head;
    private final long yes;
    private final long no;

    private YesOrNo(TensorView head, long yes, long no) {
        this.head = head;
        this.yes = yes;
        this.no = no;
    }

    /**
     * The judge in a checkpoint.
     *
     * @return empty for a model that answers
     * @throws FerryException when its tokenizer has no such answers
     */
    static Optional<YesOrNo> of(Checkpoint checkpoint, Architecture architecture) {
        Optional<SentenceModules> modules = SentenceModules.of(checkpoint);
        Optional<SentenceModules.Module> score = modules.flatMap(all -> all.of("LogitScore").stream().findFirst());
        boolean named = Stream.of(checkpoint.name(), checkpoint.config().path("_name_or_path").asText()).anyMatch(name -> name.toLowerCase(Locale.ROOT).contains(NAME));
        Optional<TensorInfo> rows = Stream.of("lm_head.weight", "model.embed_tokens.weight", "embed_tokens.weight").map(checkpoint.tensors()::find).flatMap(Optional::stream).findFirst();
        // Without its tokenizer, as where a doctor looks at it from afar, it is a model like any other.
        if (!architecture.file().equals(ARCHITECTURE) || rows.isEmpty() || score.isEmpty() && (!named || checkpoint.file("tokenizer.json").isEmpty())) {
            return Optional.empty();
        }
        TensorView head = new StoredTensor(checkpoint.tensors(), rows.get());
        if (score.isPresent()) {
            ObjectNode config = CheckpointFolder.readObject(modules.get().folder(score.get()).resolve("config.json"));
            if (!config.path("true_token_id").isInt() || !config.path("false_token_id").isInt()) {
                throw new FerryException("Cannot convert " + checkpoint.name() + ": its " + score.get().path() + " names no token for yes and none for no (true_token_id, false_token_id); llama.cpp needs both.");
            }
            return Optional.of(new YesOrNo(head, row(checkpoint, head, config.get("true_token_id").intValue()), row(checkpoint, head, config.get("false_token_id").intValue())));
        }
        return Optional.of(new YesOrNo(head, row(checkpoint, head, id(checkpoint, LABELS.getFirst())), row(checkpoint, head, id(checkpoint, LABELS.getLast()))));
    }

    private static int id(Checkpoint checkpoint, String answer) {
        return TokenizerConverter.idOf(checkpoint::file, answer).orElseThrow(() -> new FerryException("Cannot convert " + checkpoint.name() + ": its name says that it judges by yes and no, and its tokenizer has no token '"
                + answer + "'. Take the tokenizer of the base model; if it answers questions instead, give it another name."));
    }

    private static long row(Checkpoint checkpoint, TensorView head, int id) {
        if (id < 0 || id >= head.rows()) {
            throw new FerryException("Cannot convert " + checkpoint.name() + ": the answer with id " + id + " is none of the " + head.rows() + " tokens of its head.");
        }
        return id;
    }

    /** Puts the two rows where the file has them. */
    void put(Map<String, TensorView> tensors) {
        tensors.put(HEAD, new RowGather(head, List.of(2L, (long) head.rowLength()), row -> row == 0 ? yes : no));
    }

    /** The tensors without the head whose rows these are, where it is one of its own: nobody will ask for other tokens. */
    ConvertedTensors instead(ConvertedTensors tensors) {
        return tensors.without("output.weight", "The file scores pairs of texts by its answers yes and no (Qwen3-Reranker); nobody can talk to it.");
    }

    /** What llama.cpp reads of it. */
    void writeKeys(String arch, GgufMetadata keys) {
        keys.putUint32(arch + ".pooling_type", 4).putStrings(arch + ".classifier.output_labels", LABELS);
    }

    /** The prompt in which llama-server asks, beside the templates that are there. */
    void writePrompt(GgufMetadata keys) {
        List<String> named = Stream.concat(keys.findStrings("tokenizer.chat_templates").orElse(List.of()).stream(), Stream.of(PROMPT_NAME)).distinct().toList();
        keys.putString("tokenizer.chat_template." + PROMPT_NAME, PROMPT).putStrings("tokenizer.chat_templates", named);
    }
}
