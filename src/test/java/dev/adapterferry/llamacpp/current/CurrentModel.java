package dev.adapterferry.llamacpp.current;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** One open file, on the CPU alone. Keys and values are kept as F32 and no flash attention is used, so that numbers can be compared. */
final class CurrentModel implements AutoCloseable {
    private static final int F32 = 0;
    private static final int RANK = 4;
    /** Models here are tiny, and two threads that wait for each other lose more than they win when the machine has other work. */
    private static final int THREADS = 1;

    private final CurrentLibrary library;
    private final String file;
    private final MemorySegment model;
    private final MemorySegment vocabulary;

    CurrentModel(CurrentLibrary library, String file, boolean vocabularyOnly) {
        this.library = library;
        this.file = file;
        library.complaints();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = library.defaults("llama_model_default_params", CurrentLibrary.MODEL_PARAMS, arena);
            params.set(JAVA_INT, 0x10, 0);
            params.set(JAVA_BYTE, 0x48, (byte) (vocabularyOnly ? 1 : 0));
            model = library.open("llama_model_load_from_file", arena.allocateFrom(file), params, CurrentLibrary.MODEL_PARAMS);
        }
        if (model.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp " + CurrentLibrary.RELEASE + " refuses " + file + ": " + library.complaints());
        }
        vocabulary = library.callAddress("llama_model_get_vocab", model);
    }

    int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment input = arena.allocateFrom(text);
            int room = bytes.length + 16;
            MemorySegment ids = arena.allocate(JAVA_INT, room);
            int count = library.callInt("llama_tokenize", vocabulary, input, bytes.length, ids, room, addSpecial, parseSpecial);
            if (count < 0) {
                throw new IllegalStateException("llama.cpp wants more than " + room + " tokens for " + bytes.length + " bytes: " + library.complaints());
            }
            return ids.asSlice(0, 4L * count).toArray(JAVA_INT);
        }
    }

    /** MiB that a context of so many tokens allocates to remember them, with everything as llama.cpp's own programs have it. */
    double cache(int tokens) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = library.defaults("llama_context_default_params", CurrentLibrary.CONTEXT_PARAMS, arena);
            params.set(JAVA_INT, 0, tokens);
            params.set(JAVA_BYTE, 0x84, (byte) 0);
            library.sizes();
            library.run("llama_free", opened(params));
            return library.sizes().stream().filter(line -> line.contains("KV buffer") || line.contains("RS buffer")).mapToDouble(line -> Double.parseDouble(line.replaceAll(".*= *([0-9.]+) MiB.*", "$1"))).sum();
        }
    }

    /** A row of logits for each token. */
    float[][] logits(int[] tokens) {
        return computed(tokens, false, (context, rows) -> {
            int width = library.callInt("llama_vocab_n_tokens", vocabulary);
            for (int i = 0; i < rows.length; i++) {
                rows[i] = floats(library.callAddress("llama_get_logits_ith", context, i), width);
            }
        });
    }

    /** A row of logits for each token of an answer to a text that an encoder reads; the first token is the decoder's own. */
    float[][] answer(int[] text, int[] answer) {
        float[][] rows = new float[answer.length][];
        computed(text, answer, false, (context, none) -> {
            int width = library.callInt("llama_vocab_n_tokens", vocabulary);
            for (int i = 0; i < rows.length; i++) {
                rows[i] = floats(library.callAddress("llama_get_logits_ith", context, i), width);
            }
        });
        return rows;
    }

    /** What follows, the likeliest token each time; where an encoder reads the prompt, the answer to it. */
    int[] generate(int[] prompt, int count) {
        if (library.callBoolean("llama_model_has_encoder", model)) {
            int[] all = {decoderStart()};
            for (int n = 0; n < count; n++) {
                all = Arrays.copyOf(all, all.length + 1);
                all[all.length - 1] = likeliest(answer(prompt, Arrays.copyOf(all, all.length - 1))[all.length - 2]);
            }
            return Arrays.copyOfRange(all, 1, all.length);
        }
        int[] all = prompt.clone();
        for (int n = 0; n < count; n++) {
            int best = likeliest(logits(all)[all.length - 1]);
            all = Arrays.copyOf(all, all.length + 1);
            all[all.length - 1] = best;
        }
        return Arrays.copyOfRange(all, prompt.length, all.length);
    }

    private static int likeliest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    private int decoderStart() {
        int start = library.callInt("llama_model_decoder_start_token", model);
        return start < 0 ? library.callInt("llama_vocab_bos", vocabulary) : start;
    }

    /** The vector of a text pooled as the file says (one row; its scores where it has a head for them), or of each token where it says nothing. */
    float[][] embeddings(int[] tokens) {
        return computed(tokens, true, (context, rows) -> {
            int width = library.callInt(library.callInt("llama_pooling_type", context) == RANK ? "llama_model_n_cls_out" : "llama_model_n_embd_out", model);
            MemorySegment pooled = library.callAddress("llama_get_embeddings_seq", context, 0);
            for (int i = 0; i < rows.length; i++) {
                rows[i] = pooled.equals(MemorySegment.NULL) ? floats(library.callAddress("llama_get_embeddings_ith", context, i), width)
                        : i == 0 ? floats(pooled, width) : null;
            }
        });
    }

    private interface Reader {
        void read(MemorySegment context, float[][] rows);
    }

    private float[][] computed(int[] tokens, boolean embeddings, Reader reader) {
        return computed(tokens, null, embeddings, reader);
    }

    /** @param answer what a decoder behind an encoder sees; null for its own first token and then the same text */
    private float[][] computed(int[] tokens, int[] answer, boolean embeddings, Reader reader) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment context = context(Math.max(64, tokens.length), embeddings, arena);
            try {
                boolean encodes = library.callBoolean("llama_model_has_encoder", model);
                MemorySegment batch = batch(tokens, arena);
                library.complaints();
                int done = library.compute(encodes ? "llama_encode" : "llama_decode", context, batch);
                if (done == 0 && encodes && library.callBoolean("llama_model_has_decoder", model)) {
                    done = library.compute("llama_decode", context, batch(answer == null ? shifted(tokens) : answer, arena));
                }
                if (done != 0) {
                    throw new IllegalStateException("llama.cpp cannot compute " + tokens.length + " tokens of " + file + " (" + done + "): " + library.complaints());
                }
                float[][] rows = new float[tokens.length][];
                reader.read(context, rows);
                return rows;
            } finally {
                library.run("llama_free", context);
            }
        }
    }

    private int[] shifted(int... tokens) {
        int[] decoded = new int[tokens.length];
        decoded[0] = decoderStart();
        System.arraycopy(tokens, 0, decoded, 1, tokens.length - 1);
        return decoded;
    }

    private MemorySegment context(int size, boolean embeddings, Arena arena) {
        MemorySegment params = library.defaults("llama_context_default_params", CurrentLibrary.CONTEXT_PARAMS, arena);
        int room = (size + 255) / 256 * 256;
        params.set(JAVA_INT, 0, room);
        params.set(JAVA_INT, 4, room);
        params.set(JAVA_INT, 8, room);
        params.set(JAVA_INT, 0x1c, THREADS);
        params.set(JAVA_INT, 0x20, THREADS);
        params.set(JAVA_INT, 0x34, 0);
        params.set(JAVA_INT, 0x68, F32);
        params.set(JAVA_INT, 0x6c, F32);
        params.set(JAVA_BYTE, 0x80, (byte) (embeddings ? 1 : 0));
        return opened(params);
    }

    private MemorySegment opened(MemorySegment params) {
        MemorySegment context = library.open("llama_init_from_model", model, params, CurrentLibrary.CONTEXT_PARAMS);
        if (context.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp makes no context for " + file + ": " + library.complaints());
        }
        return context;
    }

    /** Every token of one sequence, each with an answer wanted. */
    private static MemorySegment batch(int[] tokens, Arena arena) {
        MemorySegment batch = arena.allocate(CurrentLibrary.BATCH);
        MemorySegment positions = arena.allocate(JAVA_INT, 4L * tokens.length);
        MemorySegment counts = arena.allocate(JAVA_INT, tokens.length);
        MemorySegment sequences = arena.allocate(ADDRESS, tokens.length);
        MemorySegment wanted = arena.allocate(JAVA_BYTE, tokens.length);
        MemorySegment sequence = arena.allocateFrom(JAVA_INT, 0);
        for (int i = 0; i < tokens.length; i++) {
            // Models that see take time, height and width, alike for text, and a fourth.
            for (int row = 0; row < 3; row++) {
                positions.setAtIndex(JAVA_INT, (long) row * tokens.length + i, i);
            }
            counts.setAtIndex(JAVA_INT, i, 1);
            sequences.setAtIndex(ADDRESS, i, sequence);
            wanted.set(JAVA_BYTE, i, (byte) 1);
        }
        batch.set(JAVA_INT, 0, tokens.length);
        batch.set(ADDRESS, 8, arena.allocateFrom(JAVA_INT, tokens));
        batch.set(ADDRESS, 24, positions);
        batch.set(ADDRESS, 32, counts);
        batch.set(ADDRESS, 40, sequences);
        batch.set(ADDRESS, 48, wanted);
        return batch;
    }

    private static float[] floats(MemorySegment row, int width) {
        if (row.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp kept no numbers for a token");
        }
        return row.reinterpret(4L * width).toArray(JAVA_FLOAT);
    }

    @Override
    public void close() {
        library.run("llama_model_free", model);
    }
}
