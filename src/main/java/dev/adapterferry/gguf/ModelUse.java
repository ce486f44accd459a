package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;

/** What a model is asked for. The file says it by its architecture, and by how the vectors of a text's tokens become one ({@code pooling_type}). */
public enum ModelUse {
    /** It goes on with a text: one can talk to it. */
    ANSWERS,
    /** It makes one vector of a text. */
    VECTORS,
    /** It makes one or a few numbers of a text or a pair of texts: classifiers and rerankers. */
    SCORES,
    /** An encoder reads a text and a decoder replies to it (T5). The servers that the ferry knows know decoders only: none of them asks it. */
    REPLIES;

    /** {@code LLAMA_POOLING_TYPE_RANK}. */
    private static final long RANK = 4;

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
        return replies(architecture) ? REPLIES : type == RANK ? SCORES : type > 0 ? VECTORS : ANSWERS;
    }

    /** Whether models of an architecture, named as in {@code general.architecture}, reply to a text. */
    public static boolean replies(String architecture) {
        return architecture.equals("t5");
    }
}
