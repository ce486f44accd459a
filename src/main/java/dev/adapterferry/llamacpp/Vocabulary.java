package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** The tokenizer of a {@link LoadedModel}: text to token ids and back, exactly as llama.cpp does it. */
public final class Vocabulary {
    private final MemorySegment vocab;

    Vocabulary(MemorySegment vocab) {
        this.vocab = vocab;
    }

    /** Number of tokens. */
    public int size() {
        return NativeCalls.VOCAB_SIZE.callInt(vocab);
    }

    /** Beginning of sequence. */
    public OptionalInt bos() {
        return id(NativeCalls.VOCAB_BOS);
    }

    /** End of sequence. */
    public OptionalInt eos() {
        return id(NativeCalls.VOCAB_EOS);
    }

    /** End of turn. */
    public OptionalInt eot() {
        return id(NativeCalls.VOCAB_EOT);
    }

    /** What stands between two texts. */
    public OptionalInt sep() {
        return id(NativeCalls.VOCAB_SEP);
    }

    /** Padding. */
    public OptionalInt pad() {
        return id(NativeCalls.VOCAB_PAD);
    }

    /** True when tokenizing with special tokens puts the beginning of sequence in front. */
    public boolean addsBos() {
        return NativeCalls.VOCAB_ADDS_BOS.callBoolean(vocab);
    }

    /** True when tokenizing with special tokens puts the end of sequence behind. */
    public boolean addsEos() {
        return NativeCalls.VOCAB_ADDS_EOS.callBoolean(vocab);
    }

    /** True when a token ends a generation. */
    public boolean endsGeneration(int token) {
        return NativeCalls.VOCAB_IS_END.callBoolean(vocab, token);
    }

    /** A token as the vocabulary writes it, for example {@code Ġferry}. */
    public String text(int token) {
        return NativeCalls.text(NativeCalls.VOCAB_TEXT.callAddress(vocab, checked(token)));
    }

    /**
     * Splits text into tokens.
     *
     * @param text         any text
     * @param addSpecial   put the begin and end tokens that the model wants around it
     * @param parseSpecial read {@code <|im_start|>} and the like as the tokens they name, not as letters
     * @return token ids
     */
    public int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocate(utf8.length + 1L);
            MemorySegment.copy(utf8, 0, src, JAVA_BYTE, 0, utf8.length);
            int room = utf8.length + 4;
            while (true) {
                MemorySegment ids = arena.allocate(JAVA_INT, room);
                int count = NativeCalls.TOKENIZE.callInt(vocab, src, utf8.length, ids, room, addSpecial, parseSpecial);
                if (count >= 0) {
                    return ids.asSlice(0, (long) count * Integer.BYTES).toArray(JAVA_INT);
                }
                room = -count;
            }
        }
    }

    /**
     * The bytes that a token stands for; a byte-level token may hold part of a character.
     *
     * @param token   token id
     * @param special spell special tokens out; otherwise they are empty
     * @return UTF-8 bytes
     */
    public byte[] bytes(int token, boolean special) {
        try (Arena arena = Arena.ofConfined()) {
            int room = 64;
            while (true) {
                MemorySegment buffer = arena.allocate(room);
                int length = NativeCalls.TOKEN_TO_PIECE.callInt(vocab, checked(token), buffer, room, 0, special);
                if (length >= 0) {
                    return buffer.asSlice(0, length).toArray(JAVA_BYTE);
                }
                room = -length;
            }
        }
    }

    /**
     * Joins tokens to text.
     *
     * @param tokens  token ids
     * @param special spell special tokens out; otherwise they are empty
     * @return the text
     */
    public String detokenize(int[] tokens, boolean special) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (int token : tokens) {
            all.writeBytes(bytes(token, special));
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    /** llama.cpp aborts the process on an unknown token; this refuses it. */
    int checked(int token) {
        if (token < 0 || token >= size()) {
            throw new IllegalArgumentException("token " + token + " is not among the " + size() + " of the vocabulary");
        }
        return token;
    }

    private OptionalInt id(NativeFunction function) {
        int id = function.callInt(vocab);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }
}
