package dev.adapterferry.llamacpp.current;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.Serializable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;

/** What is asked of the process; each request holds all that it needs and answers by itself. */
sealed interface CurrentRequest extends Serializable {
    /**
     * Does it, in the process that holds the library.
     *
     * @throws IllegalStateException with llama.cpp's own complaint when it refuses
     */
    Object answer(CurrentLibrary library);

    record Logits(String file, int[] tokens) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, false)) {
                return model.logits(tokens);
            }
        }
    }

    record Answer(String file, int[] text, int[] answer) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, false)) {
                return model.answer(text, answer);
            }
        }
    }

    record Generate(String file, int[] prompt, int count) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, false)) {
                return model.generate(prompt, count);
            }
        }
    }

    record Cache(String file, int tokens) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, false)) {
                return model.cache(tokens);
            }
        }
    }

    record Embeddings(String file, int[] tokens) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, false)) {
                return model.embeddings(tokens);
            }
        }
    }

    record Tokenize(String file, String[] texts, boolean addSpecial, boolean parseSpecial) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (CurrentModel model = new CurrentModel(library, file, true)) {
                return Arrays.stream(texts).map(text -> model.tokenize(text, addSpecial, parseSpecial)).toArray(int[][]::new);
            }
        }
    }

    record Chunk(int type, float[] values, long rows, float[] importance) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (Arena arena = Arena.ofConfined()) {
                long rowLength = values.length / rows;
                MemorySegment bytes = arena.allocate(rows * library.rowSize(type, rowLength), 64);
                MemorySegment weights = importance == null ? MemorySegment.NULL : arena.allocateFrom(JAVA_FLOAT, importance);
                library.quantizeChunk(type, arena.allocateFrom(JAVA_FLOAT, values), bytes, rows, rowLength, weights);
                return bytes.toArray(JAVA_BYTE);
            }
        }
    }

    /** {@code llama_model_quantize}; types are numbers of {@code ggml_type}, -1 for the mix's own choice. */
    record Quantize(String from, String to, int fileType, int outputType, int embeddingType, boolean requantize, Map<String, float[]> importance,
                    Map<String, Integer> overrides) implements CurrentRequest {
        @Override
        public Object answer(CurrentLibrary library) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment params = library.defaults("llama_model_quantize_default_params", CurrentLibrary.QUANTIZE_PARAMS, arena);
                params.set(JAVA_INT, 0, 2);
                params.set(JAVA_INT, 4, fileType);
                if (outputType >= 0) {
                    params.set(JAVA_INT, 8, outputType);
                }
                if (embeddingType >= 0) {
                    params.set(JAVA_INT, 12, embeddingType);
                }
                params.set(JAVA_BYTE, 0x10, (byte) (requantize ? 1 : 0));
                params.set(ADDRESS, 0x18, importance(arena));
                params.set(ADDRESS, 0x28, overrides(arena));
                library.complaints();
                int answer = library.callInt("llama_model_quantize", arena.allocateFrom(from), arena.allocateFrom(to), params);
                if (answer != 0) {
                    throw new IllegalStateException("llama.cpp does not quantize " + from + " (" + answer + "): " + library.complaints());
                }
                return answer;
            }
        }

        /** Name, values, count; the last name is null. */
        private MemorySegment importance(Arena arena) {
            if (importance.isEmpty()) {
                return MemorySegment.NULL;
            }
            MemorySegment list = arena.allocate(24L * (importance.size() + 1), 8);
            long at = 0;
            for (Map.Entry<String, float[]> one : importance.entrySet()) {
                list.set(ADDRESS, at, arena.allocateFrom(one.getKey()));
                list.set(ADDRESS, at + 8, arena.allocateFrom(JAVA_FLOAT, one.getValue()));
                list.set(JAVA_LONG, at + 16, one.getValue().length);
                at += 24;
            }
            return list;
        }

        /** Expression and type; the last expression is null. */
        private MemorySegment overrides(Arena arena) {
            if (overrides.isEmpty()) {
                return MemorySegment.NULL;
            }
            MemorySegment list = arena.allocate(16L * (overrides.size() + 1), 8);
            long at = 0;
            for (Map.Entry<String, Integer> one : overrides.entrySet()) {
                list.set(ADDRESS, at, arena.allocateFrom(one.getKey()));
                list.set(JAVA_INT, at + 8, one.getValue());
                at += 16;
            }
            return list;
        }
    }
}
