package dev.adapterferry.probe;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What the checks of one model saw. A part that was not checked is null. The JSON form is described by
 * {@code src/docs/health.schema.json}.
 *
 * @param model    its name in the settings
 * @param time     when the check began
 * @param status   the worst of the findings, HEALTHY when there is none
 * @param files    one entry per file that should be installed
 * @param api      the server
 * @param answers  one entry per test prompt
 * @param system   the machine
 * @param findings everything that is not as it should be
 */
@JsonInclude(JsonInclude.Include.ALWAYS)
public record Health(String model, Instant time, Status status, List<FileReport> files, ApiReport api, List<AnswerReport> answers, SystemReport system, List<Finding> findings) {
    /** What makes it unhealthy, in words; an empty string when nothing does. */
    public String trouble() {
        return findings.stream().filter(finding -> finding.status() == Status.UNHEALTHY).map(Finding::sentence).collect(Collectors.joining("; "));
    }

    /**
     * A file.
     *
     * @param path   where it should be
     * @param exists whether a readable file is there
     * @param bytes  its size, -1 without a file
     * @param sha256 its digest, null when it was not computed
     * @param intact whether it is what was installed; null when its digest was not compared
     * @param gguf   what kind of model file it is, null when it is none
     */
    public record FileReport(String path, boolean exists, long bytes, String sha256, Boolean intact, Gguf gguf) { }

    /**
     * A whole GGUF file.
     *
     * @param architecture  {@code general.architecture}; an empty string in a later shard
     * @param tensors       number of tensors
     * @param parameters    number of weights
     * @param contextLength longest context that the model knows, null when it does not say
     */
    public record Gguf(String architecture, int tensors, long parameters, Long contextLength) { }

    /**
     * A server.
     *
     * @param endpoint       its address
     * @param reachable      whether it answered as a model server
     * @param server         {@code lm-studio}, {@code ollama} or {@code openai-compatible}; null when unreachable
     * @param listed         whether it lists the model
     * @param models         everything that it lists
     * @param responseMillis time of the listing
     * @param loaded         whether the model is loaded; null when the server does not tell
     * @param quantization   of what is loaded; null when the server does not tell
     * @param context        context length in tokens that it is loaded with; null when the server does not tell
     */
    public record ApiReport(String endpoint, boolean reachable, String server, boolean listed, List<String> models, Long responseMillis, Boolean loaded,
                            String quantization, Long context) { }

    /**
     * One answer.
     *
     * @param prompt           the question
     * @param passed           whether the answer satisfies its conditions
     * @param model            model id in the answer, null without an answer
     * @param response         content, shortened
     * @param reasoning        separated reasoning, shortened
     * @param finishReason     the server's word
     * @param latencyMillis    time for the whole answer, loading left out
     * @param firstTokenMillis time to the first text
     * @param tokens           tokens of the answer as the server counted them
     * @param tokensPerSecond  rate
     * @param error            why there is no answer
     */
    public record AnswerReport(String prompt, boolean passed, String model, String response, String reasoning, String finishReason, Long latencyMillis,
                               Long firstTokenMillis, Integer tokens, Double tokensPerSecond, String error) { }

    /**
     * The machine.
     *
     * @param diskTotalBytes       size of the volume that holds the models directory
     * @param diskFreeBytes        usable bytes there
     * @param memoryTotalBytes     physical memory
     * @param memoryAvailableBytes available memory
     * @param gpus                 graphics cards, empty when there is none
     */
    public record SystemReport(long diskTotalBytes, long diskFreeBytes, long memoryTotalBytes, long memoryAvailableBytes, List<Gpu> gpus) { }

    /**
     * A graphics card.
     *
     * @param name             its name
     * @param memoryTotalBytes its memory, 0 when the driver does not say
     */
    public record Gpu(String name, long memoryTotalBytes) { }
}
