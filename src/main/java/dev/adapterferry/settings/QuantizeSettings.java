package dev.adapterferry.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Merged tensors into GGUF files: section {@code quantize}. */
public record QuantizeSettings(
        @Setting(value = "Quantizations made of a model that names none of its own.", def = "Q4_K_M, Q5_K_M, Q8_0") List<Format> formats,
        @Setting(value = "The quantization that is loaded, probed and evaluated.", def = "Q4_K_M") Optional<Format> primaryFormat,
        @Setting(value = "Threads of the pass; 0 takes every core.", def = "0", min = 0, max = 1024) int threads,
        @Setting("Importance matrix in llama.cpp's form (binary or GGUF).") Optional<Path> imatrix,
        @Setting(value = "Most space for quantized base tensors that are kept for the next adapter on the same base; 0 turns it off.", def = "0") Size cacheSize,
        @Setting("GGUF type of the output tensor, such as `Q6_K`. Without it the mix decides.") Optional<String> outputType,
        @Setting("GGUF type of the token embeddings. Without it the mix decides.") Optional<String> embeddingType,
        @Setting("GGUF types by tensor name: a regular expression and its type; the first that matches wins.") Map<String, String> overrides) {
}
