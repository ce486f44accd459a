/**
 * Tensors as they lie in Hugging Face checkpoints: element types, the strict safetensors reader and its writer, sharded
 * checkpoints, rows as f32. Here lives the seam {@link dev.adapterferry.tensor.TensorSource}, behind which merge, convert and
 * quantize do not know whether a tensor comes from a file or is computed on the way. Nothing here knows LoRA or GGUF.
 */
package dev.adapterferry.tensor;
