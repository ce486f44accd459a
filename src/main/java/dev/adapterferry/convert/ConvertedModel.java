package dev.adapterferry.convert;

import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;

/**
 * A checkpoint as it will stand in a GGUF file. Nothing is read yet: the tensors are computed row by row as the writer
 * asks for them, from the checkpoint, which must stay open as long.
 *
 * @param architecture {@code general.architecture}
 * @param tensors      tensors under GGUF names, in file order
 * @param metadata     all keys; {@code general.file_type} holds a placeholder that the writer of each file replaces in place
 * @param tokenizer    what the vocabulary became
 * @param parameters   number of weights
 * @param notes        what the user should know, one sentence each
 */
public record ConvertedModel(String architecture, TensorSource tensors, GgufMetadata metadata, TokenizerConverter.Result tokenizer, long parameters,
        List<String> notes) { }
