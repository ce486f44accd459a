package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.adapterferry.failure.FerryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A GGUF file opened by llama.cpp: its weights (memory-mapped), vocabulary and metadata. Safe for many threads to read;
 * whoever opens it closes it, after the contexts made from it.
 */
public final class LoadedModel implements AutoCloseable {
    private final Path file;
    private MemorySegment model;
    private final Vocabulary vocabulary;

    private LoadedModel(Path file, MemorySegment model) {
        this.file = file;
        this.model = model;
        this.vocabulary = new Vocabulary(NativeCalls.MODEL_VOCAB.callAddress(model));
    }

    /**
     * Opens a file on the CPU.
     *
     * @param file a GGUF file
     * @return the model, to be closed
     * @throws FerryException when the file is broken, or with llama.cpp's own reason when it refuses it
     */
    public static LoadedModel open(Path file) {
        return open(file, false, 0);
    }

    /**
     * Opens a file on the CPU and, where the library can (Metal on macOS), partly on the GPU.
     *
     * @param file      a GGUF file
     * @param gpuLayers layers to put on the GPU; 0 for none
     * @return the model, to be closed
     * @throws FerryException when the file is broken, or with llama.cpp's own reason when it refuses it
     */
    public static LoadedModel open(Path file, int gpuLayers) {
        return open(file, false, gpuLayers);
    }

    /**
     * Opens only the vocabulary of a file: enough to tokenize, and the file needs no tensors.
     *
     * @param file a GGUF file
     * @return the model, to be closed; no context can be made from it
     * @throws FerryException when the file is broken, or with llama.cpp's own reason when it refuses it
     */
    public static LoadedModel openVocabulary(Path file) {
        return open(file, true, 0);
    }

    private static LoadedModel open(Path file, boolean vocabularyOnly, int gpuLayers) {
        LlamaLibrary.load();
        LoadableFile.check(file);
        if (!vocabularyOnly) {
            LoadableFile.requireComputable(file);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = NativeCalls.defaults(NativeCalls.MODEL_DEFAULTS, NativeCalls.MODEL_PARAMS, arena);
            NativeCalls.setInt(params, NativeCalls.MODEL_PARAMS, "n_gpu_layers", gpuLayers);
            NativeCalls.setFlag(params, NativeCalls.MODEL_PARAMS, "vocab_only", vocabularyOnly);
            NativeLog.forget();
            MemorySegment model = NativeCalls.MODEL_LOAD.callAddress(arena.allocateFrom(file.toString()), params);
            if (model.equals(MemorySegment.NULL)) {
                throw new FerryException("Cannot load model " + file + " into llama.cpp " + LlamaLibrary.BUILD + ": " + NativeLog.lastErrorOr("it gave no reason") + ".");
            }
            return new LoadedModel(file, model);
        }
    }

    /** The file. */
    public Path file() {
        return file;
    }

    /** The tokenizer. */
    public Vocabulary vocabulary() {
        open();
        return vocabulary;
    }

    /** Tokens of context that the model was trained for. */
    public int trainedContext() {
        return NativeCalls.MODEL_CONTEXT_TRAINED.callInt(open());
    }

    /** Width of the hidden state. */
    public int embeddingLength() {
        return NativeCalls.MODEL_EMBEDDING.callInt(open());
    }

    /** Number of transformer blocks. */
    public int layers() {
        return NativeCalls.MODEL_LAYERS.callInt(open());
    }

    /** Number of weights. */
    public long parameters() {
        return NativeCalls.MODEL_PARAMETERS.callLong(open());
    }

    /** Bytes of all tensors. */
    public long tensorBytes() {
        return NativeCalls.MODEL_SIZE.callLong(open());
    }

    /** llama.cpp's words for it, for example {@code qwen2 1B Q4_K - Medium}. */
    public String description() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(256);
            NativeCalls.MODEL_DESCRIPTION.callInt(open(), buffer, 256L);
            return buffer.getString(0);
        }
    }

    /**
     * A metadata value as llama.cpp prints it.
     *
     * @param key for example {@code general.architecture}
     * @return the value as text, or empty when the file lacks the key or it holds an array
     */
    public Optional<String> metadata(String key) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(key);
            MemorySegment buffer = arena.allocate(256);
            int length = NativeCalls.MODEL_META.callInt(open(), name, buffer, buffer.byteSize());
            if (length < 0) {
                return Optional.empty();
            }
            if (length >= buffer.byteSize()) {
                buffer = arena.allocate(length + 1L);
                NativeCalls.MODEL_META.callInt(open(), name, buffer, buffer.byteSize());
            }
            return Optional.of(new String(buffer.asSlice(0, length).toArray(JAVA_BYTE), StandardCharsets.UTF_8));
        }
    }

    /** The chat template (Jinja) that the file carries, or empty. */
    public Optional<String> chatTemplate() {
        MemorySegment text = NativeCalls.MODEL_TEMPLATE.callAddress(open(), MemorySegment.NULL);
        return text.equals(MemorySegment.NULL) ? Optional.empty() : Optional.of(NativeCalls.text(text));
    }

    /** The native model. */
    MemorySegment open() {
        if (model.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("model " + file + " is closed");
        }
        return model;
    }

    /** Frees the weights. Contexts made from the model must be closed before. */
    @Override
    public void close() {
        if (!model.equals(MemorySegment.NULL)) {
            NativeCalls.MODEL_FREE.call(model);
            model = MemorySegment.NULL;
        }
    }
}
