/**
 * Embedded llama.cpp: the C library that Maven Central's {@code de.kherud:llama} carries (build b4916), called through
 * {@code java.lang.foreign}. It loads GGUF files, tokenizes, decodes, samples and offers ggml's own block formats as an
 * independent measure of ours. No other package touches the native library, and nothing here knows HTTP or settings.
 */
package dev.adapterferry.llamacpp;
