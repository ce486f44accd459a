/**
 * Programs that measure: kernels against llama.cpp's own, and the whole pass from a generated checkpoint to finished
 * files. They print a table, save JSON, and judge nothing but the targets they are given. Nothing else depends on
 * them.
 */
package dev.adapterferry.bench;
