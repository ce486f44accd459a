/**
 * Vocabularies: tokenizer.json and SentencePiece files to the {@code tokenizer.*} keys of a GGUF, so that llama.cpp cuts
 * text exactly as the model's own tokenizer does. A vocabulary that cannot be carried over faithfully is refused, never
 * guessed. Nothing here knows tensors or architectures.
 */
package dev.adapterferry.convert.tokenizer;
