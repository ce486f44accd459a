/**
 * The GGUF container: typed metadata in order, the tensor table, a strict reader, and a writer whose every offset is
 * known before the first byte is written. It stores what it is given and chooses nothing: architectures live in
 * convert, type selection in quant. Byte order is little-endian, version 3.
 */
package dev.adapterferry.gguf;
