package dev.adapterferry.probe;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.TextVector;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Asks an embedding model for the vectors of the test prompts' texts, and judges them: as wide as the file says, finite, not zero, one
 * vector for each text, fast enough. Nobody can chat with such a model. One unmeasured request goes first, as in {@link AnswerProbe}.
 */
final class VectorProbe {
    private static final List<String> FURTHER = List.of("Hello", "The ferry leaves at noon.");

    private final HttpCaller caller;
    private final Limits limits;

    /**
     * @param caller sends the requests
     * @param limits what is fast enough, how often to try again
     */
    VectorProbe(HttpCaller caller, Limits limits) {
        this.caller = caller;
        this.limits = limits;
    }

    /**
     * Asks for vectors.
     *
     * @param subject  the model; its prompts are texts like any other here
     * @param file     one of its files
     * @param findings receives what is wrong
     */
    List<Health.AnswerReport> check(Subject subject, Path file, List<Finding> findings) {
        long width = width(file);
        Retry retry = new Retry(limits.retries(), limits.retryDelay());
        Set<String> texts = new LinkedHashSet<>(subject.prompts().stream().map(TestPrompt::prompt).toList());
        texts.addAll(FURTHER);
        try {
            retry.call(() -> new OpenAiClient(subject.endpoint().within(limits.loadTimeout()), caller).embed(subject.modelId(), texts.iterator().next()));
        } catch (FerryException e) {
            findings.add(new Finding(Status.UNHEALTHY, "answer", "'" + subject.modelId() + "' makes no vector: " + e.getMessage()));
            return List.of();
        }
        OpenAiClient client = new OpenAiClient(subject.endpoint().within(limits.answerTimeout()), caller);
        List<Health.AnswerReport> reports = new ArrayList<>();
        List<double[]> seen = new ArrayList<>();
        for (String text : texts) {
            try {
                TextVector vector = retry.call(() -> client.embed(subject.modelId(), text));
                List<Finding> found = judge(text, vector, width, seen);
                seen.add(vector.values());
                findings.addAll(found);
                String trouble = found.stream().filter(finding -> finding.status() == Status.UNHEALTHY).map(Finding::sentence).collect(Collectors.joining("; "));
                reports.add(new Health.AnswerReport(text, trouble.isEmpty(), vector.model(), "a vector of " + vector.values().length + " numbers", "", "", vector.elapsed().toMillis(), null, null, null,
                        trouble.isEmpty() ? null : trouble));
            } catch (FerryException e) {
                findings.add(new Finding(Status.UNHEALTHY, "answer", "no vector of '" + text + "': " + e.getMessage()));
                reports.add(new Health.AnswerReport(text, false, null, "", "", "", null, null, null, null, e.getMessage()));
            }
        }
        return reports;
    }

    private List<Finding> judge(String text, TextVector vector, long width, List<double[]> seen) {
        List<Finding> found = new ArrayList<>();
        String about = "the vector of '" + text + "' ";
        double[] values = vector.values();
        if (values.length != width) {
            found.add(bad(about + "has " + values.length + " numbers, the file says " + width));
        }
        if (!Arrays.stream(values).allMatch(Double::isFinite)) {
            found.add(bad(about + "holds what is no finite number"));
        } else if (Arrays.stream(values).allMatch(value -> value == 0)) {
            found.add(bad(about + "holds nothing but zeros"));
        } else if (seen.stream().anyMatch(other -> Arrays.equals(other, values))) {
            found.add(bad(about + "is that of another text"));
        }
        if (vector.elapsed().compareTo(limits.maxLatency()) > 0) {
            found.add(new Finding(Status.DEGRADED, "answer", about + "took " + vector.elapsed().toMillis() + " ms, at most " + limits.maxLatency().toMillis() + " ms are healthy"));
        }
        return found;
    }

    private static long width(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            GgufMetadata metadata = gguf.metadata();
            String architecture = metadata.findString("general.architecture").orElse("");
            return metadata.findLong(architecture + ".embedding_length_out").or(() -> metadata.findLong(architecture + ".embedding_length")).orElse(-1L);
        }
    }

    private static Finding bad(String sentence) {
        return new Finding(Status.UNHEALTHY, "answer", sentence);
    }
}
