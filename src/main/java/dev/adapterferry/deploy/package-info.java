/**
 * Puts finished files where people use them: LM Studio's models directory, Ollama, a folder, another host. A deployment
 * is a transaction: everything is staged and verified first, the switch is atomic or is finished by the next start, and
 * the last releases stay restorable outside the models tree. Whether the model answers well is judged by probe and
 * evaluate, never here.
 */
package dev.adapterferry.deploy;
