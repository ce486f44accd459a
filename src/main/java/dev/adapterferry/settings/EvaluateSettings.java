package dev.adapterferry.settings;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;

/** How releases are scored: section {@code evaluate}. */
public record EvaluateSettings(
        @Setting(value = "Whether a run evaluates.", def = "true") boolean enabled,
        @Setting(value = "Folder of the evaluation sets, one `.jsonl` each.", def = "config/evaluation") Path path,
        @Setting("Sets used for a model that names none of its own, by file name without `.jsonl`. Without it every set of the folder.") List<String> sets,
        @Setting(value = "Prompts asked at once.", def = "1", min = 1, max = 256) int concurrency,
        @Setting(value = "Prompts asked before measuring starts.", def = "1", min = 0, max = 1000) int warmUp,
        @Setting(value = "Time limit of one answer.", def = "2m") Duration timeout,
        @Setting(value = "Most tokens of one answer.", def = "256", min = 1, max = 1_000_000) int maxTokens,
        @Setting(value = "Smallest score (0 to 1) with which a release stays. Without it any: what is much depends on how hard your prompts are.", min = 0, max = 1) OptionalDouble minScore,
        @Setting(value = "Largest loss of score against the previous release with which a release stays, where it is more than chance. 1 allows any.", def = "0.05", min = 0, max = 1) double maxDrop,
        @Setting(value = "Largest share of prompts without an answer (0 to 1) with which a release stays.", def = "0.1", min = 0, max = 1) double maxErrors,
        @Setting(value = "Whether a run asks the base as well, converted once per base and format, and refuses a release that answers everything word for word like it.", def = "false") boolean base,
        @Setting(value = "Whether the winner goes into use: of a run's release, its other formats and the release before it; and of `ferry compare`.", def = "false") boolean promote) {
}
