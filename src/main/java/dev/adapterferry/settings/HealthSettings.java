package dev.adapterferry.settings;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/** What counts as healthy: section {@code health}. */
public record HealthSettings(
        @Setting(value = "Time limit of one request that is no question.", def = "30s") Duration timeout,
        @Setting(value = "Time limit of one whole answer; a model that takes longer counts as not answering.", def = "2m") Duration answerTimeout,
        @Setting(value = "Time limit for loading the model into the server.", def = "5m") Duration loadTimeout,
        @Setting(value = "Further attempts of a probe that found no answer.", def = "3", min = 0, max = 100) int retries,
        @Setting(value = "Pause between two attempts.", def = "5s") Duration retryDelay,
        @Setting(value = "Prompts sent to a model that names none of its own.", def = "In one sentence: what can you help me with?", prose = true) List<String> testPrompts,
        @Setting(value = "Most tokens of one answer.", def = "128", min = 1, max = 1_000_000) int maxTokens,
        @Setting(value = "Shortest answer in characters that passes.", def = "1", min = 0) int minResponseLength,
        @Setting(value = "Longest time for one answer that passes.", def = "30s") Duration maxLatency,
        @Setting(value = "Longest time to the first token that passes.", def = "10s") Duration maxFirstTokenLatency,
        @Setting(value = "Slowest rate in tokens per second that passes.", def = "1", min = 0) double minTokensPerSecond,
        @Setting(value = "Regular expressions that must not match an answer.", prose = true) List<Pattern> forbidden,
        @Setting(value = "Share of the disk or the memory, in percent, above which the check warns.", def = "90", min = 1, max = 100) int resourceWarning,
        @Setting(value = "Whether the daemon's probes ask a model that LM Studio has unloaded, which loads it again.", def = "false") boolean wake,
        @Setting(value = "How often the daemon probes the active releases; 0 never.", def = "15m") Duration every) {
}
