/**
 * A llama.cpp of autumn 2026, for tests alone: it knows the architectures, tokenizers and file types that came after the embedded build,
 * and has {@code llama_model_quantize}. It runs in a process of its own ({@link dev.adapterferry.llamacpp.current.CurrentLlamaProcess}), since two builds in one process would
 * find each other's symbols, and a file that ends it must not end the tests. It comes from the npm registry; {@code .ci/run} installs it under {@code target/}.
 */
package dev.adapterferry.llamacpp.current;
