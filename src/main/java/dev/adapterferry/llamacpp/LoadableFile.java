package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.quant.GgmlType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Looks at a file before llama.cpp does: says in the ferry's words that it is too new for the embedded build. Most defects llama.cpp refuses in words, but some end the whole process (an
 * assertion about a token that occurs twice) or keep it busy for minutes (absurd array lengths); a server must survive both.
 */
final class LoadableFile {
    private static final Set<String> BROKEN = Set.of("t5", "t5encoder");

    private LoadableFile() { }

    /**
     * Refuses what llama.cpp would not survive.
     *
     * @throws MalformedFile  with offset and defect when the container is broken
     * @throws FerryException when the file cannot be read, or holds a type that this build does not know
     */
    static void check(Path file) {
        if (!Files.isReadable(file)) {
            throw new FerryException("Cannot load model " + file + " into llama.cpp: there is no such readable file.");
        }
        try (GgufFile gguf = GgufFile.open(file)) {
            gguf.tensors().stream().filter(tensor -> tensor.type() instanceof GgmlType type && !Ggml.knows(type)).findFirst().ifPresent(tensor -> {
                throw new FerryException("Cannot load model " + file + " into llama.cpp " + LlamaLibrary.BUILD + ": tensor '" + tensor.name() + "' is " + tensor.type().label()
                        + ", which is newer than this build. Serve it with LM Studio or a current llama.cpp, or deploy another format for the embedded server.");
            });
            List<String> tokens = gguf.metadata().findStrings("tokenizer.ggml.tokens").orElse(List.of());
            Set<String> seen = new HashSet<>(tokens.size() * 2);
            for (int id = 0; id < tokens.size(); id++) {
                String token = asInC(tokens.get(id));
                // llama.cpp names empty tokens after their ids; what is no UTF-8 cannot be told apart here.
                if (!token.isEmpty() && token.indexOf('\uFFFD') < 0 && !seen.add(token)) {
                    throw new MalformedFile(file, -1, "token " + id + ", '" + token + "', is the same as an earlier one; llama.cpp needs each to be unique", "Convert the model again, with a sound tokenizer");
                }
            }
        }
    }

    /**
     * Refuses models that this build knows by name and computes otherwise, or ends the process over: it came days after llama.cpp's contexts were
     * rewritten, which left T5's encoder out.
     *
     * @throws FerryException when the file holds one; says what computes it
     */
    static void requireComputable(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            gguf.metadata().findString("general.architecture").filter(BROKEN::contains).ifPresent(architecture -> {
                throw new FerryException("Cannot load model " + file + " into llama.cpp " + LlamaLibrary.BUILD + ": this build does not compute encoders of T5 (" + architecture
                        + "). A current llama.cpp does: " + (architecture.equals("t5") ? ModelUse.REPLIES.call("FILE") + " answers with it." : "llama-embedding -m FILE -p TEXT makes vectors with it."));
            });
        }
    }

    /** C's strings end at the first zero. */
    private static String asInC(String text) {
        int zero = text.indexOf('\0');
        return zero < 0 ? text : text.substring(0, zero);
    }
}
