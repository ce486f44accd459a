package dev.adapterferry.gguf;

/**
 * The container as constants. Layout, little-endian throughout:
 *
 * <pre>
 * magic "GGUF"  u32 version  i64 tensors  i64 keys
 * keys    x { string key, u32 value type, value }
 * tensors x { string name, u32 dimensions, u64 ne[dimensions], u32 type, u64 offset }
 * zeros up to a multiple of the alignment
 * data: tensors in table order, each followed by zeros up to a multiple of the alignment
 * </pre>
 *
 * A string is a u64 byte length and that many bytes of UTF-8. {@code ne} is the PyTorch shape reversed: ne[0] is the
 * contiguous dimension.
 *
 * <h2>Coverage</h2>
 * <table>
 * <caption>What of the format is read and written</caption>
 * <tr><th>part</th><th>read</th><th>written</th></tr>
 * <tr><td>version 3</td><td>yes</td><td>yes</td></tr>
 * <tr><td>version 2 (the same bytes)</td><td>yes</td><td>no</td></tr>
 * <tr><td>version 1, big-endian files</td><td>refused by name</td><td>no</td></tr>
 * <tr><td>all thirteen value types, arrays of them</td><td>yes</td><td>yes</td></tr>
 * <tr><td>arrays of arrays</td><td>refused, as llama.cpp does</td><td>no</td></tr>
 * <tr><td>general.alignment</td><td>any power of two</td><td>as given, 32 without the key</td></tr>
 * <tr><td>tensor types of {@link dev.adapterferry.quant.GgmlType}</td><td>yes</td><td>yes</td></tr>
 * <tr><td>other types of ggml ({@link UndecodedType})</td><td>placed and copied, not decoded</td><td>no</td></tr>
 * <tr><td>removed types (Q4_2, Q4_0_4_4, ...)</td><td>refused</td><td>no</td></tr>
 * <tr><td>shards (split.*)</td><td>through {@link GgufModel}</td><td>no: one file is written</td></tr>
 * </table>
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF specification</a>
 */
public final class GgufFormat {
    /** "GGUF" read as a little-endian u32. */
    static final int MAGIC = 0x46554747;
    /** The version written; 2 has the same bytes. */
    static final int VERSION = 3;
    static final int OLDEST_VERSION = 2;
    /** Bytes before the first key. */
    static final int FIXED_BYTES = 24;

    static final String ALIGNMENT_KEY = "general.alignment";
    static final int DEFAULT_ALIGNMENT = 32;
    /** llama.cpp keeps names in 64 bytes with a terminator. */
    static final int MAX_NAME_BYTES = 63;
    static final int MAX_DIMENSIONS = 4;

    /** Real headers stay below 20 MiB (a vocabulary of 256k tokens with its merges); a hostile one must not fill the heap. */
    static final long MAX_HEADER_BYTES = 128L << 20;
    static final long MAX_KEYS = 1 << 16;
    static final long MAX_TENSORS = 1 << 20;

    /** Key and info bytes below which none can be: length, one character, type, one value byte; and name, rank, type, offset. */
    static final int LEAST_KEY_BYTES = 8 + 1 + 4 + 1;
    static final int LEAST_TENSOR_BYTES = 8 + 1 + 4 + 4 + 8;

    private GgufFormat() { }

    /** Rounds up to a multiple of the alignment, a power of two. */
    static long align(long bytes, long alignment) {
        return Math.addExact(bytes, alignment - 1) & -alignment;
    }
}
