/**
 * Hugging Face checkpoint to GGUF plan: which tensor is called what, how its rows are computed, and every key of the
 * file. Architectures are data files in {@code architectures/}; the transforms they name live in {@code transform}, the
 * vocabularies in {@code tokenizer}. It uses tensor, gguf and quant, writes no file, and does not choose quantization types.
 */
package dev.adapterferry.convert;
