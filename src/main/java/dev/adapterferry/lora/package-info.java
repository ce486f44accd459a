/**
 * LoRA adapters: the configuration and files that PEFT and mlx-lm write, the mathematics of the delta, the checkpoint with the
 * adapter merged in while it is read, and the proof that the adapter landed. DJL PyTorch lives here and nowhere else. Nothing here
 * knows GGUF or architectures: it names tensors as the checkpoint does.
 */
package dev.adapterferry.lora;
