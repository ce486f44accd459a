/**
 * Checkpoint tensors rearranged while they are read: permuted, split, stacked, transposed, shifted by one. Each
 * transform is one small view over another, named in {@link dev.adapterferry.convert.transform.Transforms} so that
 * architecture files can ask for it. Nothing here knows an architecture or holds more than a bounded
 * part of a tensor in memory.
 */
package dev.adapterferry.convert.transform;
