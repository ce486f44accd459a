package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adapterferry.failure.FerryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;

/**
 * The part of {@code llama.h} and {@code ggml.h} that the ferry uses, as of build b4916. Struct layouts are written out
 * field by field and checked against the library's own defaults at start: another build is refused, never guessed at.
 */
final class NativeCalls {
    /** {@code llama_model_params}: 64 bytes. */
    static final StructLayout MODEL_PARAMS = MemoryLayout.structLayout(
            ADDRESS.withName("devices"), JAVA_INT.withName("n_gpu_layers"), JAVA_INT.withName("split_mode"),
            JAVA_INT.withName("main_gpu"), MemoryLayout.paddingLayout(4), ADDRESS.withName("tensor_split"),
            ADDRESS.withName("progress_callback"), ADDRESS.withName("progress_callback_user_data"), ADDRESS.withName("kv_overrides"),
            JAVA_BOOLEAN.withName("vocab_only"), JAVA_BOOLEAN.withName("use_mmap"), JAVA_BOOLEAN.withName("use_mlock"),
            JAVA_BOOLEAN.withName("check_tensors"), MemoryLayout.paddingLayout(4));

    /** {@code llama_context_params}: 120 bytes. */
    static final StructLayout CONTEXT_PARAMS = MemoryLayout.structLayout(
            JAVA_INT.withName("n_ctx"), JAVA_INT.withName("n_batch"), JAVA_INT.withName("n_ubatch"), JAVA_INT.withName("n_seq_max"),
            JAVA_INT.withName("n_threads"), JAVA_INT.withName("n_threads_batch"), JAVA_INT.withName("rope_scaling_type"),
            JAVA_INT.withName("pooling_type"), JAVA_INT.withName("attention_type"), JAVA_FLOAT.withName("rope_freq_base"),
            JAVA_FLOAT.withName("rope_freq_scale"), JAVA_FLOAT.withName("yarn_ext_factor"), JAVA_FLOAT.withName("yarn_attn_factor"),
            JAVA_FLOAT.withName("yarn_beta_fast"), JAVA_FLOAT.withName("yarn_beta_slow"), JAVA_INT.withName("yarn_orig_ctx"),
            JAVA_FLOAT.withName("defrag_thold"), MemoryLayout.paddingLayout(4), ADDRESS.withName("cb_eval"), ADDRESS.withName("cb_eval_user_data"),
            JAVA_INT.withName("type_k"), JAVA_INT.withName("type_v"), JAVA_BOOLEAN.withName("logits_all"), JAVA_BOOLEAN.withName("embeddings"),
            JAVA_BOOLEAN.withName("offload_kqv"), JAVA_BOOLEAN.withName("flash_attn"), JAVA_BOOLEAN.withName("no_perf"),
            MemoryLayout.paddingLayout(3), ADDRESS.withName("abort_callback"), ADDRESS.withName("abort_callback_data"));

    /** {@code llama_batch}: 56 bytes, passed by value. */
    static final StructLayout BATCH = MemoryLayout.structLayout(
            JAVA_INT.withName("n_tokens"), MemoryLayout.paddingLayout(4), ADDRESS.withName("token"), ADDRESS.withName("embd"),
            ADDRESS.withName("pos"), ADDRESS.withName("n_seq_id"), ADDRESS.withName("seq_id"), ADDRESS.withName("logits"));

    /** {@code ggml_init_params}: 24 bytes. */
    static final StructLayout INIT_PARAMS = MemoryLayout.structLayout(
            JAVA_LONG.withName("mem_size"), ADDRESS.withName("mem_buffer"), JAVA_BOOLEAN.withName("no_alloc"), MemoryLayout.paddingLayout(7));

    /** {@code llama_sampler_chain_params}: one flag. */
    static final StructLayout CHAIN_PARAMS = MemoryLayout.structLayout(JAVA_BOOLEAN.withName("no_perf"));

    static final NativeFunction BACKEND_INIT = NativeFunction.silent("llama_backend_init");
    static final NativeFunction LOG_SET = NativeFunction.silent("llama_log_set", ADDRESS, ADDRESS);

    static final NativeFunction GGML_INIT = NativeFunction.returning(ADDRESS, "ggml_init", INIT_PARAMS);
    static final NativeFunction GGML_FREE = NativeFunction.silent("ggml_free", ADDRESS);
    static final NativeFunction QUANTIZE_CHUNK =
            NativeFunction.returning(JAVA_LONG, "ggml_quantize_chunk", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
    static final NativeFunction REQUIRES_IMATRIX = NativeFunction.returning(JAVA_BOOLEAN, "ggml_quantize_requires_imatrix", JAVA_INT);
    static final NativeFunction TYPE_TRAITS = NativeFunction.returning(ADDRESS, "ggml_get_type_traits", JAVA_INT);

    static final NativeFunction MODEL_DEFAULTS = NativeFunction.returning(MODEL_PARAMS, "llama_model_default_params");
    static final NativeFunction MODEL_LOAD = NativeFunction.returning(ADDRESS, "llama_model_load_from_file", ADDRESS, MODEL_PARAMS);
    static final NativeFunction MODEL_FREE = NativeFunction.silent("llama_model_free", ADDRESS);
    static final NativeFunction MODEL_VOCAB = NativeFunction.returning(ADDRESS, "llama_model_get_vocab", ADDRESS);
    static final NativeFunction MODEL_CONTEXT_TRAINED = NativeFunction.returning(JAVA_INT, "llama_model_n_ctx_train", ADDRESS);
    static final NativeFunction MODEL_EMBEDDING = NativeFunction.returning(JAVA_INT, "llama_model_n_embd", ADDRESS);
    static final NativeFunction MODEL_LAYERS = NativeFunction.returning(JAVA_INT, "llama_model_n_layer", ADDRESS);
    static final NativeFunction MODEL_PARAMETERS = NativeFunction.returning(JAVA_LONG, "llama_model_n_params", ADDRESS);
    static final NativeFunction MODEL_SIZE = NativeFunction.returning(JAVA_LONG, "llama_model_size", ADDRESS);
    static final NativeFunction MODEL_DESCRIPTION = NativeFunction.returning(JAVA_INT, "llama_model_desc", ADDRESS, ADDRESS, JAVA_LONG);
    static final NativeFunction MODEL_META = NativeFunction.returning(JAVA_INT, "llama_model_meta_val_str", ADDRESS, ADDRESS, ADDRESS, JAVA_LONG);
    static final NativeFunction MODEL_ENCODES = NativeFunction.returning(JAVA_BOOLEAN, "llama_model_has_encoder", ADDRESS);
    static final NativeFunction MODEL_TEMPLATE = NativeFunction.returning(ADDRESS, "llama_model_chat_template", ADDRESS, ADDRESS);

    static final NativeFunction VOCAB_SIZE = NativeFunction.returning(JAVA_INT, "llama_vocab_n_tokens", ADDRESS);
    static final NativeFunction VOCAB_BOS = NativeFunction.returning(JAVA_INT, "llama_vocab_bos", ADDRESS);
    static final NativeFunction VOCAB_EOS = NativeFunction.returning(JAVA_INT, "llama_vocab_eos", ADDRESS);
    static final NativeFunction VOCAB_EOT = NativeFunction.returning(JAVA_INT, "llama_vocab_eot", ADDRESS);
    static final NativeFunction VOCAB_PAD = NativeFunction.returning(JAVA_INT, "llama_vocab_pad", ADDRESS);
    static final NativeFunction VOCAB_ADDS_BOS = NativeFunction.returning(JAVA_BOOLEAN, "llama_vocab_get_add_bos", ADDRESS);
    static final NativeFunction VOCAB_SEP = NativeFunction.returning(JAVA_INT, "llama_vocab_sep", ADDRESS);
    static final NativeFunction VOCAB_ADDS_EOS = NativeFunction.returning(JAVA_BOOLEAN, "llama_vocab_get_add_eos", ADDRESS);
    static final NativeFunction VOCAB_IS_END = NativeFunction.returning(JAVA_BOOLEAN, "llama_vocab_is_eog", ADDRESS, JAVA_INT);
    static final NativeFunction VOCAB_TEXT = NativeFunction.returning(ADDRESS, "llama_vocab_get_text", ADDRESS, JAVA_INT);
    static final NativeFunction TOKENIZE =
            NativeFunction.returning(JAVA_INT, "llama_tokenize", ADDRESS, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_BOOLEAN, JAVA_BOOLEAN);
    static final NativeFunction TOKEN_TO_PIECE =
            NativeFunction.returning(JAVA_INT, "llama_token_to_piece", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_BOOLEAN);

    static final NativeFunction CONTEXT_DEFAULTS = NativeFunction.returning(CONTEXT_PARAMS, "llama_context_default_params");
    static final NativeFunction CONTEXT_NEW = NativeFunction.returning(ADDRESS, "llama_init_from_model", ADDRESS, CONTEXT_PARAMS);
    static final NativeFunction CONTEXT_FREE = NativeFunction.silent("llama_free", ADDRESS);
    static final NativeFunction CONTEXT_SIZE = NativeFunction.returning(JAVA_INT, "llama_n_ctx", ADDRESS);
    static final NativeFunction CONTEXT_CLEAR = NativeFunction.silent("llama_kv_self_clear", ADDRESS);
    static final NativeFunction DECODE = NativeFunction.returning(JAVA_INT, "llama_decode", ADDRESS, BATCH);
    static final NativeFunction ENCODE = NativeFunction.returning(JAVA_INT, "llama_encode", ADDRESS, BATCH);
    static final NativeFunction EMBEDDING_OF_TOKEN = NativeFunction.returning(ADDRESS, "llama_get_embeddings_ith", ADDRESS, JAVA_INT);
    static final NativeFunction EMBEDDING_OF_SEQUENCE = NativeFunction.returning(ADDRESS, "llama_get_embeddings_seq", ADDRESS, JAVA_INT);
    static final NativeFunction LOGITS = NativeFunction.returning(ADDRESS, "llama_get_logits_ith", ADDRESS, JAVA_INT);

    static final NativeFunction CHAIN_NEW = NativeFunction.returning(ADDRESS, "llama_sampler_chain_init", CHAIN_PARAMS);
    static final NativeFunction CHAIN_ADD = NativeFunction.silent("llama_sampler_chain_add", ADDRESS, ADDRESS);
    static final NativeFunction SAMPLER_FREE = NativeFunction.silent("llama_sampler_free", ADDRESS);
    static final NativeFunction SAMPLE = NativeFunction.returning(JAVA_INT, "llama_sampler_sample", ADDRESS, ADDRESS, JAVA_INT);
    static final NativeFunction GREEDY = NativeFunction.returning(ADDRESS, "llama_sampler_init_greedy");
    static final NativeFunction BY_CHANCE = NativeFunction.returning(ADDRESS, "llama_sampler_init_dist", JAVA_INT);
    static final NativeFunction TOP_K = NativeFunction.returning(ADDRESS, "llama_sampler_init_top_k", JAVA_INT);
    static final NativeFunction TOP_P = NativeFunction.returning(ADDRESS, "llama_sampler_init_top_p", JAVA_FLOAT, JAVA_LONG);
    static final NativeFunction MIN_P = NativeFunction.returning(ADDRESS, "llama_sampler_init_min_p", JAVA_FLOAT, JAVA_LONG);
    static final NativeFunction TEMPERATURE = NativeFunction.returning(ADDRESS, "llama_sampler_init_temp", JAVA_FLOAT);
    static final NativeFunction PENALTIES =
            NativeFunction.returning(ADDRESS, "llama_sampler_init_penalties", JAVA_INT, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT);

    private NativeCalls() { }

    /** Checks the layouts, silences the log and fills ggml's half-precision table. Called once by {@link LlamaLibrary}. */
    static void start() {
        LOG_SET.call(NativeLog.callback(), MemorySegment.NULL);
        BACKEND_INIT.call();
        try (Arena arena = Arena.ofConfined()) {
            // Without a first context the half-precision table stays zero and quantizers answer nonsense.
            MemorySegment params = arena.allocate(INIT_PARAMS);
            params.set(JAVA_LONG, 0, 1024);
            GGML_FREE.call(GGML_INIT.callAddress(params));
            checkLayouts(arena);
        }
    }

    private static void checkLayouts(Arena arena) {
        MemorySegment model = defaults(MODEL_DEFAULTS, MODEL_PARAMS, arena);
        MemorySegment context = defaults(CONTEXT_DEFAULTS, CONTEXT_PARAMS, arena);
        boolean known = getInt(model, MODEL_PARAMS, "split_mode") == 1
                && isSet(model, MODEL_PARAMS, "use_mmap") && !isSet(model, MODEL_PARAMS, "vocab_only") && !isSet(model, MODEL_PARAMS, "check_tensors")
                && getInt(context, CONTEXT_PARAMS, "n_ctx") == 512 && getInt(context, CONTEXT_PARAMS, "n_batch") == 2048
                && getInt(context, CONTEXT_PARAMS, "n_seq_max") == 1 && getInt(context, CONTEXT_PARAMS, "attention_type") == -1
                && getInt(context, CONTEXT_PARAMS, "type_k") == 1 && getInt(context, CONTEXT_PARAMS, "type_v") == 1
                && isSet(context, CONTEXT_PARAMS, "offload_kqv") && isSet(context, CONTEXT_PARAMS, "no_perf") && !isSet(context, CONTEXT_PARAMS, "logits_all");
        if (!known) {
            throw new FerryException("Cannot use the embedded llama.cpp: its parameter structs are not those of build " + LlamaLibrary.BUILD
                    + ". The class path holds another version of de.kherud:llama; use the one that came with the ferry.");
        }
    }

    static MemorySegment defaults(NativeFunction function, StructLayout layout, Arena arena) {
        return (MemorySegment) function.call((SegmentAllocator) (size, alignment) -> arena.allocate(layout.byteSize(), layout.byteAlignment()));
    }

    static int getInt(MemorySegment struct, StructLayout layout, String field) {
        return struct.get(JAVA_INT, offset(layout, field));
    }

    static void setInt(MemorySegment struct, StructLayout layout, String field, int value) {
        struct.set(JAVA_INT, offset(layout, field), value);
    }

    static void setFlag(MemorySegment struct, StructLayout layout, String field, boolean value) {
        struct.set(JAVA_BYTE, offset(layout, field), value ? (byte) 1 : 0);
    }

    static void setAddress(MemorySegment struct, StructLayout layout, String field, MemorySegment value) {
        struct.set(ADDRESS, offset(layout, field), value);
    }

    private static boolean isSet(MemorySegment struct, StructLayout layout, String field) {
        return struct.get(JAVA_BYTE, offset(layout, field)) == 1;
    }

    private static long offset(StructLayout layout, String field) {
        return layout.byteOffset(MemoryLayout.PathElement.groupElement(field));
    }

    /** A C string, or "" for a null pointer. */
    static String text(MemorySegment address) {
        return address.equals(MemorySegment.NULL) ? "" : address.reinterpret(Long.MAX_VALUE).getString(0);
    }
}
