package dev.adapterferry.llamacpp.current;

import dev.adapterferry.llamacpp.LlamaLibrary;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * Asks a current llama.cpp. The process is started at the first question and shared by all tests of this JVM; a file that ends it
 * fails the question with what the process last said, and the next question starts another.
 */
public final class CurrentLlama {
    /** The release; architectures that came later are unknown to it. */
    public static final String RELEASE = CurrentLibrary.RELEASE;
    private static final Path FOLDER = Path.of("target", "llama.cpp", "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64");

    private static CurrentLlama running;

    private final Process process;
    private final Path said;
    private final ObjectOutputStream requests;
    private final ObjectInputStream answers;

    private CurrentLlama(Process process, Path said) throws IOException {
        this.process = process;
        this.said = said;
        requests = new ObjectOutputStream(new BufferedOutputStream(process.getOutputStream()));
        requests.flush();
        answers = new ObjectInputStream(process.getInputStream());
    }

    /** Skips the calling test where this llama.cpp is not installed; on a build server that is a failure. */
    public static void assume() {
        if (!Files.isDirectory(folder())) {
            String message = "needs llama.cpp " + RELEASE + ", which .ci/run installs from the npm registry into target/llama.cpp";
            if ("true".equals(System.getenv("CI")) && LlamaLibrary.platform().equals("Linux/x86_64")) {
                Assertions.fail(message);
            }
            Assumptions.abort(message);
        }
    }

    /**
     * The logits after each token, computed with keys and values in F32.
     *
     * @param file   a GGUF file
     * @param tokens ids
     * @return one row of {@code n_vocab} numbers per token
     */
    public static float[][] logits(Path file, int... tokens) {
        return (float[][]) ask(new CurrentRequest.Logits(file.toString(), tokens));
    }

    /**
     * The logits after each token of an answer to a text that an encoder reads.
     *
     * @param text   ids
     * @param answer ids, the decoder's own first token before them
     */
    public static float[][] answer(Path file, int[] text, int... answer) {
        return (float[][]) ask(new CurrentRequest.Answer(file.toString(), text, answer));
    }

    /** The likeliest continuation, {@code count} ids. */
    public static int[] generate(Path file, int count, int... prompt) {
        return (int[]) ask(new CurrentRequest.Generate(file.toString(), prompt, count));
    }

    /** MiB, in hundredths, that llama.cpp allocates to remember a conversation of so many tokens: keys and values in F16, and states. */
    public static double cache(Path file, int tokens) {
        return (double) ask(new CurrentRequest.Cache(file.toString(), tokens));
    }

    /** The pooled vector of a text in row 0 (other rows null), or a row per token where the file names no pooling. */
    public static float[][] embeddings(Path file, int... tokens) {
        return (float[][]) ask(new CurrentRequest.Embeddings(file.toString(), tokens));
    }

    /** The ids of each text; the file needs a vocabulary only. */
    public static int[][] tokenize(Path file, List<String> texts, boolean addSpecial, boolean parseSpecial) {
        return (int[][]) ask(new CurrentRequest.Tokenize(file.toString(), texts.toArray(String[]::new), addSpecial, parseSpecial));
    }

    /**
     * {@code ggml_quantize_chunk}.
     *
     * @param type       number of the {@code ggml_type}
     * @param values     {@code rows} rows of equal length
     * @param importance one weight per column, or null
     * @return the blocks
     */
    public static byte[] quantizeChunk(int type, float[] values, long rows, float[] importance) {
        return (byte[]) ask(new CurrentRequest.Chunk(type, values, rows, importance));
    }

    /** {@code llama_model_quantize} with everything by default. */
    public static void quantize(Path from, Path to, int fileType) {
        quantize(from, to, fileType, -1, -1, false, Map.of(), Map.of());
    }

    /**
     * {@code llama_model_quantize}.
     *
     * @param fileType      number of the {@code llama_ftype}
     * @param outputType    number of the {@code ggml_type} of the output matrix; -1 for the mix's own
     * @param embeddingType the same of the token embeddings
     * @param requantize    take a file that is quantized already
     * @param importance    weights per column (and expert), by tensor
     * @param overrides     types by expression over tensors' names
     */
    public static void quantize(Path from, Path to, int fileType, int outputType, int embeddingType, boolean requantize, Map<String, float[]> importance, Map<String, Integer> overrides) {
        ask(new CurrentRequest.Quantize(from.toString(), to.toString(), fileType, outputType, embeddingType, requantize, Map.copyOf(importance), Map.copyOf(overrides)));
    }

    private static synchronized Object ask(CurrentRequest request) {
        try {
            if (running == null) {
                running = start();
            }
            running.requests.writeObject(request);
            running.requests.reset();
            running.requests.flush();
            Object answer = running.answers.readObject();
            if (answer instanceof IllegalStateException refusal) {
                throw new IllegalStateException(refusal.getMessage(), refusal);
            }
            return answer;
        } catch (IOException | ClassNotFoundException e) {
            String last = running == null ? "it did not start" : running.lastWords();
            running = null;
            throw new IllegalStateException("llama.cpp " + RELEASE + " ended over " + request + ": " + last, e);
        }
    }

    private static CurrentLlama start() throws IOException {
        Path said = Files.createTempFile("current-llama", ".log");
        said.toFile().deleteOnExit();
        ProcessBuilder command = new ProcessBuilder(ProcessHandle.current().info().command().orElse("java"), "-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED",
                "-cp", System.getProperty("java.class.path"), CurrentLlamaProcess.class.getName(), folder().toString()).redirectError(said.toFile());
        // A failed assertion would have a debugger, where there is one, look through the whole process first.
        command.environment().put("GGML_NO_BACKTRACE", "1");
        Process process = command.start();
        try {
            return new CurrentLlama(process, said);
        } catch (IOException e) {
            process.destroy();
            throw new IOException(Files.readString(said), e);
        }
    }

    private String lastWords() {
        try {
            boolean ended = process.waitFor(5, TimeUnit.SECONDS);
            String all = Files.readString(said).strip();
            return (ended ? "exit code " + process.exitValue() : "it still runs") + ", " + all.substring(Math.max(0, all.length() - 2000));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }

    private static Path folder() {
        return FOLDER.toAbsolutePath();
    }
}
