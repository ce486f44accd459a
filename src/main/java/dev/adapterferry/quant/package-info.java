/**
 * Block formats of ggml: layouts, a scalar kernel per format that reads like the definition, its vector twin, the
 * mixes that choose a type per tensor, and importance matrices. Everything works on rows of f32 in arrays; nothing
 * here knows files or models. Scalar, vector and llama.cpp's own C agree to the byte.
 */
package dev.adapterferry.quant;
