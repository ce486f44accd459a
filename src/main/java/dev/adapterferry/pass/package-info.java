/**
 * The one pass from tensors to finished GGUF files: row blocks are read once as f32, encoded for every output that
 * wants them, and written in place by any number of threads, under a journal that lets a killed pass go on. It uses
 * the seams of tensor, the kernels and type rules of quant, and the container of gguf; it does not know what stands
 * behind a {@link dev.adapterferry.tensor.TensorSource}, nor Camel. Nothing appears under a final name before it is
 * complete.
 */
package dev.adapterferry.pass;
