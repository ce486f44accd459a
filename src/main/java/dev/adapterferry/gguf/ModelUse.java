package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;
import java.util.Set;

/** What a model is asked for. The file says it by its architecture, and by how the vectors of a text's tokens become one ({@code pooling_type}). */
public enum ModelUse {
    /** It goes on with a text: one can talk to it. */
    ANSWERS,
    /** It makes one vector of a text. */
    VECTORS,
    /** It makes one or a few numbers of a text or a pair of texts: classifiers and rerankers. */
    SCORES,
    /** An encoder reads a text and a decoder replies to it (T5). The servers that the ferry knows know decoders only: none of them asks it. */
    REPLIES,
    /** Masked tokens are filled in, in many rounds over a whole answer (Dream, LLaDA). The servers that the ferry knows ask for one token after the other. */
    FILLS;

    /** {@code LLAMA_POOLING_TYPE_RANK}. */
    private static final long RANK = 4;

    private static final Set<String> FILLING = Set.of("dream", "llada", "llada-moe", "rnd1");

    /**
     * What a file's model is asked for.
     *
     * @param file a whole model or its first shard
     * @return {@link #ANSWERS} also for what is no model file: whoever reads it says so
     */
    public static ModelUse of(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return of(gguf.metadata());
        } catch (FerryException e) {
            return ANSWERS;
        }
    }

    /** The same of a file's keys. */
    public static ModelUse of(GgufMetadata keys) {
        String architecture = keys.findString("general.architecture").orElse("");
        long type = keys.findLong(architecture + ".pooling_type").orElse(0L);
        ModelUse use = of(architecture);
        return !use.served() ? use : type == RANK ? SCORES : type > 0 ? VECTORS : ANSWERS;
    }

    /** What models of an architecture, named as in {@code general.architecture}, are asked for, as far as that alone tells. */
    public static ModelUse of(String architecture) {
        return architecture.equals("t5") ? REPLIES : FILLING.contains(architecture) ? FILLS : ANSWERS;
    }

    /** Whether the servers that the ferry knows get from such a model what it is for. Where they do not, none is asked. */
    public boolean served() {
        return this != REPLIES && this != FILLS;
    }

    /** What a model that no server is asked for is, for a sentence. */
    public String kind() {
        return this == REPLIES ? "a model of encoder and decoder" : "a model that fills in masked tokens";
    }

    /**
     * The program of llama.cpp that answers with a model that no server is asked for, and how it is called.
     *
     * @param file the model, or what stands for it
     */
    public String call(String file) {
        return this == REPLIES ? "llama-completion -m " + file + " -p TEXT" : "llama-diffusion-cli -m " + file + " -p TEXT -ub 512 --diffusion-block-length 32 (for Dream --diffusion-eps 0.001 instead)";
    }
}
